"""One table for everything that the API offers: it routes, checks rights, reads input, writes output,
and is what the OpenAPI document is made of. What is not in the table does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from desk.office import Actor
from web.problems import FieldFault, Problem, forbidden
from web.tokens import Rank, Token

Model = TypeVar("Model", bound=BaseModel)
_BODY_TIMEOUT_S = 10.0
TOKEN: web.RequestKey[Token] = web.RequestKey("token", Token)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request after all checks."""

    request: web.Request
    token: Token
    query: BaseModel | None
    body: BaseModel | None

    @property
    def actor(self) -> Actor:
        return Actor(self.token.name, self.token.role)

    def path(self, name: str) -> str:
        return self.request.match_info[name]

    def queried(self, model: type[Model]) -> Model:
        assert isinstance(self.query, model)
        return self.query

    def sent(self, model: type[Model]) -> Model:
        assert isinstance(self.body, model)
        return self.body


Handler = Callable[[Asked], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``path`` is below /api/v1; ``problems`` are statuses beyond 400, 401, 403, 422 and 503.

    ``role`` and those above it may; ``fronts``: so may a chat front.
    """

    method: str
    path: str
    handler: Handler
    role: Rank
    summary: str
    tag: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    returns: type[BaseModel] | None = None
    status: int = 200
    media_type: str = "application/json"
    problems: tuple[int, ...] = ()
    path_fields: Mapping[str, str] = field(default_factory=dict)
    fronts: bool = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        token = request[TOKEN]
        if not (token.may(self.role) or (self.fronts and token.role == "front")):
            raise forbidden(f"the role {self.role} is needed")
        asked = Asked(request, token, self._read_query(request), await self._read_body(request))
        answer = await self.handler(asked)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(
            text=answer.model_dump_json(), status=self.status, content_type="application/json"
        )

    def _read_query(self, request: web.Request) -> BaseModel | None:
        given: dict[str, Any] = dict(request.query)
        if self.query is None:
            if given:
                raise Problem(400, "bad-query", "This address takes no parameters")
            return None
        if len(given) != len(request.query):
            raise Problem(400, "bad-query", "A parameter was given twice")
        return _validated(self.query, lambda model: model.model_validate(given))

    async def _read_body(self, request: web.Request) -> BaseModel | None:
        if self.body is None:
            return None
        if request.content_type != "application/json":
            raise Problem(415, "bad-media-type", "The body has to be application/json")
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                raw = await request.read()
        except TimeoutError:
            raise Problem(408, "body-too-slow", "The body did not arrive in time") from None
        return _validated(self.body, lambda model: model.model_validate_json(raw))


def _validated(model: type[BaseModel], validate: Callable[[type[BaseModel]], BaseModel]) -> BaseModel:
    try:
        return validate(model)
    except ValidationError as error:
        faults = [
            FieldFault(where=".".join(map(str, fault["loc"])), what=fault["msg"])
            for fault in error.errors(include_url=False, include_context=False, include_input=False)[:20]
        ]
        raise Problem(422, "invalid", "The request is not as it should be", errors=faults) from None
