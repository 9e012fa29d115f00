"""The server: one page, the WebSocket behind it, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import textual_serve
from aiohttp import web
from textual_serve.server import Server

from hub import logs
from hub.errors import UserError
from tui.web.guard import Guard, make_guard, where
from tui.web.session import Session

__all__ = ["MOST", "serve"]

log = logs.get("tui.web")

MOST = 8
"""Tabs at a time: each is a process."""
SMALLEST, LARGEST = 10, 500
"""Columns and rows that a browser may ask for."""
LONGEST = 1 << 20
"""Bytes of one message from a browser."""

PAGE = files("tui.web") / "page"
THEIRS = Path(textual_serve.__file__).parent / "static"
STATIC = {
    "page.js": (PAGE / "page.js", "text/javascript"),
    "page.css": (PAGE / "page.css", "text/css"),
    "textual.js": (THEIRS / "js" / "textual.js", "text/javascript"),
    "xterm.css": (THEIRS / "css" / "xterm.css", "text/css"),
}
"""All that is served besides the page: of textual-serve its terminal, neither its page nor its fonts."""


class _Site(Server):
    """textual-serve with our page, and with nothing of what it prints: that holds local variables."""

    def __init__(self, guard: Guard, title: str, note: str, options: Sequence[str]) -> None:
        super().__init__("studiohub", title=title)
        self._guard, self._note, self._options = guard, note, options
        self._open: set[web.WebSocketResponse] = set()
        template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
        self._page = template.from_string((PAGE / "page.html").read_text(encoding="utf-8"))

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded])
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/ws", self.handle_websocket),
                web.get("/static/{name}", self._static),
                web.get("/download/{key}", self.handle_download),
            ]
        )
        app.on_response_prepare.append(self._say_rules)
        app.on_shutdown.append(self.on_shutdown)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        why = self._guard.refuses(request)
        if not why and request.path == "/ws":
            why = self._guard.refuses_socket(request)
        if why:
            raise web.HTTPForbidden(text=why + "\n")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _say_rules(self, request: web.Request, answer: web.StreamResponse) -> None:
        answer.headers.update(self._guard.headers)

    async def _index(self, request: web.Request) -> web.Response:
        text = self._page.render(title=self.title, note=self._note)
        answer = web.Response(text=text, content_type="text/html")
        if self._guard.brings_key(request):
            answer.set_cookie(self._guard.cookie, self._guard.key or "", httponly=True, samesite="Strict", path="/")
        return answer

    async def _static(self, request: web.Request) -> web.Response:
        found = STATIC.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        file, kind = found
        return web.Response(body=file.read_bytes(), content_type=kind, charset="utf-8")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One tab, from its opening to its end."""
        if len(self._open) >= MOST:
            raise web.HTTPServiceUnavailable(text=f"{MOST} tabs are open already. Close one.\n")
        socket = web.WebSocketResponse(heartbeat=15, max_msg_size=LONGEST)
        self._open.add(socket)
        try:
            await socket.prepare(request)
            session = Session(
                self._options,
                write_bytes=socket.send_bytes,
                write_str=socket.send_str,
                close=socket.close,
                download_manager=self.download_manager,
            )
            try:
                await session.start(_size(request, "width", 80), _size(request, "height", 24))
                await self._process_messages(socket, session)
            finally:
                await asyncio.shield(session.stop())
        except (ValueError, LookupError, TypeError, AssertionError, ConnectionError) as error:
            # What it says may hold what somebody typed.
            log.warning("a tab ended badly", kind=type(error).__name__)
        finally:
            self._open.discard(socket)
        return socket

    async def on_shutdown(self, app: web.Application) -> None:
        """Close every tab; what is behind it ends with it."""
        await asyncio.gather(*(socket.close() for socket in list(self._open)), return_exceptions=True)


def _size(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, "")
    return min(max(int(text), SMALLEST), LARGEST) if text.isdecimal() and len(text) < 5 else usual


async def serve(
    *,
    host: str,
    port: int,
    behind_proxy: str | None,
    title: str,
    note: str,
    options: Sequence[str],
    say: Callable[[str], None],
) -> None:
    """Serve until Ctrl+C or SIGTERM, and leave no process behind. `say` is told the address.

    Raises UserError where the address can't be used.
    """
    logs.configure(level="WARNING")
    listening = _listen(where(host, behind_proxy), port)
    bound = listening.getsockname()[1]
    try:
        guard = make_guard(host, bound, behind_proxy)
        site = _Site(guard, title, note, options)
        runner = web.AppRunner(await site._make_app(), access_log=None, handle_signals=False, shutdown_timeout=15)
        await runner.setup()
    except BaseException:
        listening.close()
        raise
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        await web.SockSite(runner, listening).start()
        for number in ends:
            loop.add_signal_handler(number, over.set)
        shown = f"[{host}]" if ":" in host else host
        say(behind_proxy or f"http://{shown}:{bound}/?key={guard.key}")
        await over.wait()
    finally:
        await runner.cleanup()
        for number in ends:
            loop.remove_signal_handler(number)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family)
        with contextlib.ExitStack() as undo:
            undo.callback(bound.close)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host.strip("[]"), port))
            bound.setblocking(False)
            undo.pop_all()
        return bound
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        fix = "Choose another with --port, or --port 0 for a free one."
        raise UserError(f"{host}:{port} can't be listened on", said=said, fix=fix, code="listen") from error
