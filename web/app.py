"""The web's composition: one aiohttp application from the parts it is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from acd.contract import Distributor
from desk.store import SqlDesk
from web import callbacks as callback_endpoints
from web import chats as chats_over_http
from web import floor, records, selfservice, tickets
from web.figures import FloorCollector, HttpFigures
from web.gate import FailedAttempts, add_headers, problems, sign_in
from web.glance import Glance
from web.live import LiveFeed
from web.office import OFFICE, Check, Office
from web.openapi import PREFIX, document
from web.ports import CallbackPort, ChatPort, FlowPort, IncidentPort
from web.schemas import About, Ready
from web.tokens import Tokens

ENDPOINTS = (
    *tickets.ENDPOINTS,
    *callback_endpoints.ENDPOINTS,
    *chats_over_http.ENDPOINTS,
    *floor.ENDPOINTS,
    *selfservice.ENDPOINTS,
    *records.ENDPOINTS,
)
DASHBOARD = Path(__file__).resolve().parent.parent / "dashboard"
_CHECK_TIMEOUT_S = 2.0
_DEFAULT_ABOUT = About(name="Дозвон", number="", timezone="Europe/Moscow", target_s=120, topics={})


def make_app(
    distributor: Distributor,
    desk: SqlDesk,
    tokens: Tokens,
    *,
    about: About = _DEFAULT_ABOUT,
    registry: CollectorRegistry | None = None,
    checks: Mapping[str, Check] | None = None,
    flow: FlowPort | None = None,
    incidents: IncidentPort | None = None,
    callbacks: CallbackPort | None = None,
    chats: ChatPort | None = None,
    max_body_bytes: int = 1_000_000,
    dashboard: Path = DASHBOARD,
    live_interval_s: float = 0.5,
    max_viewers: int = 100,
) -> web.Application:
    """``checks`` say what /readyz needs beyond the journal and the desk, such as the connection to
    Asterisk's manager: callables, plain or async, that raise with a reason. ``registry`` holds the figures
    of the other parts; the web adds its own and the floor's. ``flow`` and ``incidents`` are what an
    administrator changes while calls run, ``callbacks`` makes them and ``chats`` takes them; a web
    without one answers 503 there.
    """
    figures_of = registry if registry is not None else CollectorRegistry()
    floor_now = Glance(distributor.snapshot)
    live = LiveFeed(floor_now, interval_s=live_interval_s, max_viewers=max_viewers)
    figures = HttpFigures(figures_of)
    figures_of.register(FloorCollector(floor_now, lambda: live.viewers))
    app = web.Application(
        client_max_size=max_body_bytes,
        middlewares=[problems(figures), sign_in(tokens, figures, FailedAttempts())],
    )
    app[OFFICE] = Office(
        distributor=distributor,
        floor=floor_now,
        desk=desk,
        tokens=tokens,
        live=live,
        about=about,
        checks={"journal": lambda: _journal(distributor), "desk": desk.ping, **(checks or {})},
        flow=flow,
        incidents=incidents,
        callbacks=callbacks,
        chats=chats,
    )
    app.on_response_prepare.append(add_headers)
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, PREFIX + endpoint.path, endpoint.__call__)
    _add_plain_routes(app, figures_of)
    _add_dashboard(app, dashboard)

    async def let_viewers_go(_app: web.Application) -> None:
        await live.close()

    app.on_shutdown.append(let_viewers_go)
    return app


def _add_plain_routes(app: web.Application, registry: CollectorRegistry) -> None:
    text = json.dumps(document(ENDPOINTS, _version()), ensure_ascii=False)

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True, "version": _version()})

    app.router.add_get(f"{PREFIX}/openapi.json", openapi)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", _readyz)


async def _readyz(request: web.Request) -> web.Response:
    """200 when everything that a call needs is there, 503 otherwise; the body says what is missing."""
    checks = request.app[OFFICE].checks
    answers = await asyncio.gather(*(_checked(check) for check in checks.values()))
    ready = Ready(
        ready=all(answer == "ok" for answer in answers), checks=dict(zip(checks, answers, strict=True))
    )
    return web.Response(
        text=ready.model_dump_json(),
        status=200 if ready.ready else 503,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def _checked(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            if (pending := check()) is not None:
                await pending
    except TimeoutError:
        return f"no answer within {_CHECK_TIMEOUT_S:g} s"
    except Exception as error:
        return str(error) or type(error).__name__
    return "ok"


def _journal(distributor: Distributor) -> None:
    if not distributor.connected:
        raise ConnectionError("the journal cannot be reached")


def _add_dashboard(app: web.Application, folder: Path) -> None:
    """Only files that are there at start are served, each under its own route: no path is ever joined."""
    if not folder.is_dir():
        return
    for file in sorted(folder.iterdir()):
        if file.suffix in _PAGE_TYPES:
            app.router.add_get("/" if file.name == "index.html" else f"/{file.name}", _page(file))


_PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _page(file: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    headers = {"Content-Type": _PAGE_TYPES[file.suffix], "Cache-Control": "no-cache"}

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(file, headers=headers)

    return page


def _version() -> str:
    try:
        return version("dozvon")
    except PackageNotFoundError:
        return "0"


class WebServer:
    """The application on a port. ``port`` 0 takes a free one; ``start`` returns the one in use."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=3.0)
        self._host, self._port = host, port

    async def start(self) -> int:
        """Raises OSError when the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, backlog=128).start()
        except OSError:
            await self._runner.cleanup()
            raise
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._runner.cleanup()
