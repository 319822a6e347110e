"""Errors as RFC 9457 "problem details": one shape, one media type, no inner workings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aiohttp import web
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class FieldFault(BaseModel):
    where: str = Field(description="the field, with dots between the steps")
    what: str


class ProblemBody(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:dozvon:problem:not-found"])
    title: str
    status: int
    detail: str = ""
    errors: list[FieldFault] = []


class Problem(Exception):
    """An answer that is not what was asked for; ``kind`` ends its type URI."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[FieldFault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.body = ProblemBody(
            type=f"urn:dozvon:problem:{kind}", title=title, status=status, detail=detail, errors=list(errors)
        )
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        content = self.body.model_dump(exclude_defaults=True)
        return web.Response(
            text=json.dumps(content, ensure_ascii=False),
            status=self.body.status,
            content_type=MEDIA_TYPE,
            headers=self.headers,
        )


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no such {what}")


def forbidden(detail: str) -> Problem:
    return Problem(403, "forbidden", "This token may not do that", detail)
