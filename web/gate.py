"""What stands before every handler: security headers, errors as problems, tokens, figures.

A wrong token costs its sender patience, not others': attempts are counted per address, and over the limit
the answer is 429 whatever was tried. A right token always passes, so that nobody behind the same proxy can
be locked out by a stranger's attempts; guessing 256 bits is hopeless in any case.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from desk.contract import DeskUnavailable
from desk.vault import VaultError
from web.endpoint import TOKEN
from web.figures import HttpFigures
from web.openapi import PREFIX
from web.problems import Problem
from web.tokens import Token, Tokens, TokensError

log = structlog.get_logger(__name__)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_MAX_TOKEN = 200
_MAX_ADDRESSES = 10_000
_OPEN = frozenset({f"{PREFIX}/openapi.json"})


class FailedAttempts:
    """Failures per address in a minute; the longest unseen address is forgotten first."""

    def __init__(self, limit: int = 10, window_s: float = 60.0) -> None:
        self._limit = limit
        self._window_s = window_s
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failed(self, address: str, now_s: float) -> bool:
        """Count one; True when this address has spent its attempts."""
        count, since_s = self._counts.pop(address, (0, now_s))
        if now_s - since_s >= self._window_s:
            count, since_s = 0, now_s
        self._counts[address] = (count + 1, since_s)
        if len(self._counts) > _MAX_ADDRESSES:
            self._counts.popitem(last=False)
        return count >= self._limit


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal, not a middleware: streams send their headers before their handler returns."""
    response.headers.update(_HEADERS)
    if request.path.startswith("/api/"):
        response.headers["Cache-Control"] = "no-store"
    response.headers["Server"] = "dozvon"


def problems(figures: HttpFigures) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started_s = time.monotonic()
        route = _route_of(request)
        status = 500
        try:
            response = await _answer(request, handler)
            status = response.status
            return response
        finally:
            figures.requests.labels(request.method, route, status).inc()
            if not route.endswith("/live"):
                figures.seconds.labels(route).observe(time.monotonic() - started_s)

    return middleware


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return Problem(error.status, "http", error.reason, headers=kept).response()
    except DeskUnavailable as error:
        log.warning("desk unavailable", action="desk_unavailable", error=str(error))
        return Problem(
            503, "desk-unavailable", "The desk is not available just now", headers={"Retry-After": "3"}
        ).response()
    except (VaultError, TokensError) as error:
        log.error("secrets unusable", action="secrets_unusable", error=str(error))
        return Problem(500, "secrets", "The installation's keys do not fit its data").response()
    except ConnectionError:
        raise
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("request failed", action="request_failed", reference=reference)
        return Problem(500, "fault", "Something went wrong here", f"reference {reference}").response()


def sign_in(tokens: Tokens, figures: HttpFigures, attempts: FailedAttempts) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX + "/") or request.path in _OPEN:
            return await handler(request)
        token = _token_of(request, tokens)
        if token is None:
            figures.refused_tokens.inc()
            spent = attempts.failed(request.remote or "", time.monotonic())
            log.info("token refused", action="token_refused", spent=spent)
            raise _too_many() if spent else _unknown()
        request[TOKEN] = token
        return await handler(request)

    return middleware


def _token_of(request: web.Request, tokens: Tokens) -> Token | None:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(secret) > _MAX_TOKEN:
        return None
    return tokens.owner(secret)


def _unknown() -> Problem:
    return Problem(
        401, "token", "A valid token is needed", headers={"WWW-Authenticate": 'Bearer realm="dozvon"'}
    )


def _too_many() -> Problem:
    return Problem(429, "too-many-attempts", "Too many wrong tokens", headers={"Retry-After": "60"})


def _route_of(request: web.Request) -> str:
    """The route's pattern, not the path: ticket numbers must not become labels."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
