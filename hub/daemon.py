"""The daemon: engine, web, mail and chores of one process, put together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn

from hub import logs
from hub.engine.chores import add_chores
from hub.engine.engine import Engine
from hub.errors import UserError
from hub.settings import HubSettings
from hub.web import make_app

__all__ = ["LISTEN", "run_daemon"]

log = logs.get("hub.daemon")

LISTEN = "127.0.0.1:8710"
"""Where a daemon serves that was told nothing else."""


class _Server(uvicorn.Server):
    """Signals belong to the daemon, not to its web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


SWITCH_AFTER = 0.0005
"""Seconds after which a busy thread lets another one go on."""


async def run_daemon(load: Callable[[], HubSettings], *, style: logs.Style = "auto") -> None:
    """Run until SIGTERM or SIGINT; then take nothing new, leave off within ten seconds and return.

    `load` reads the settings, at the start and again at SIGHUP. `style` is that of the log, which begins once the
    installation is open: what keeps it from that is told as by every other command. Raises UserError where the
    installation can't be opened, or where an address that was asked for can't be listened on.
    """
    # SQLite answers from a thread, which has to wait for its turn as long as the event loop is busy: Python's five
    # milliseconds, some tens of times for each webhook.
    sys.setswitchinterval(SWITCH_AFTER)
    async with Engine.open(load()) as engine:
        logs.configure(style=style)
        await _run(engine, load)


async def _run(engine: Engine, load: Callable[[], HubSettings]) -> None:
    loop = asyncio.get_running_loop()
    hang_ups: set[asyncio.Task[None]] = set()

    def hang_up() -> None:
        task = asyncio.create_task(_reload(engine, load))
        hang_ups.add(task)
        task.add_done_callback(hang_ups.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.stop)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    add_chores(engine)
    server = _Server(
        uvicorn.Config(make_app(engine), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )
    web = asyncio.create_task(server.serve(sockets=[_listen(engine.settings)]))
    try:
        await engine.run()
    finally:
        server.should_exit = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(web, 1.5)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
        log.info("stopped")


def _listen(settings: HubSettings) -> socket.socket:
    """The bound socket. Without an address in the settings, a port that is taken is no reason to leave doors alone:
    another one is used, and told."""
    wanted = settings.listen or LISTEN
    host, _, port = wanted.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UserError(f"STUDIOHUB_LISTEN is {wanted!r}, which is no address", fix="Write host:port.", code="listen")
    try:
        bound = _bind(host.strip("[]"), int(port))
    except OSError as error:
        if settings.listen is not None:
            raise UserError(
                f"{wanted} can't be listened on",
                said=error.strerror or str(error),
                fix="Set STUDIOHUB_LISTEN to another address.",
                code="listen",
            ) from error
        log.warning("address is taken, another is used", address=wanted)
        bound = _bind(host, 0)
    shown = bound.getsockname()
    log.info("listening", address=f"{shown[0]}:{shown[1]}")
    return bound


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


async def _reload(engine: Engine, load: Callable[[], HubSettings]) -> None:
    try:
        engine.reload(load())
    except UserError as error:
        log.error("settings can't be used, the old ones stay", reason=str(error))
    else:
        log.info("settings are read again")
