"""The process behind the living demo: simulated vendors, the engine, and what goes on; everything in one throw-away
folder. `python -m hub.demo.stage FOLDER` says `ready` and the port of its mail server on standard output; it ends when
its standard input does."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import threading
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from hub import logs
from hub.core import Hub, initialise, load_plugins
from hub.daemon import run_daemon
from hub.demo.events import go_on
from hub.demo.post import nowhere
from hub.demo.vendors import PAST, DemoClock, Vendors, live_through, made_up_vendors, studio_file
from hub.engine.hints import address_of
from hub.settings import HubSettings
from hub.studio.importing import import_file
from hub.testing import serve

__all__ = ["demo_settings", "main"]

SOON = (timedelta(seconds=50), timedelta(seconds=140))
"""When the results of two classes arrive."""


def demo_settings(folder: Path, *, mail: int, port: int | None = None) -> HubSettings:
    """The settings of the throw-away home in a folder: nothing of the environment, so that nothing real is touched and
    no mail goes out. `mail`: the port of the mail server that brings everything nowhere; `port`: where the daemon
    listens."""
    address = None if port is None else f"127.0.0.1:{port}"
    return HubSettings(
        home=folder / "home",
        database_url=None,
        key=None,
        smtp_url=SecretStr(f"smtp://127.0.0.1:{mail}"),
        studio=None,
        listen=address,
        public_url=None if address is None else f"http://{address}",
        block_plugins="",
    )


async def _run(folder: Path, *, pace: timedelta, seed: int) -> None:
    now = datetime.now(UTC)
    clock = DemoClock(now - PAST[0])
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(nowhere())
        settings = demo_settings(folder, mail=mail, port=_free_port())
        vendors = made_up_vendors(load_plugins(settings), clock, seed=seed)
        addresses = {
            name: await stack.enter_async_context(serve(simulator)) for name, simulator in vendors.every().items()
        }
        await initialise(settings)
        file = folder / "studio.toml"
        _write(file, studio_file(vendors, addresses))
        async with Hub.open(settings, clock=clock) as hub:
            await import_file(hub, file, who="demo")
            await live_through(hub, vendors, clock, now, soon=SOON)
            await _announce(hub, vendors, settings)
        clock.go()
        happening = asyncio.create_task(go_on(vendors, pace=pace))
        sys.stdout.write(f"ready {mail}\n")
        sys.stdout.flush()
        try:
            await run_daemon(lambda: settings, style="json")
        finally:
            happening.cancel()
            await asyncio.gather(happening, return_exceptions=True)


async def _announce(hub: Hub, vendors: Vendors, settings: HubSettings) -> None:
    """bsport's webhooks are set up by hand; anny's the hub sets up by itself."""
    row = await hub.connection_row("bsport")
    async with hub.database.write() as db:
        secret = await address_of(db, row.id, hub.vault)
    vendors.bsport.subscribe_by_hand(f"{settings.public_url}/hooks/bsport/{secret}")


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def _end_with(stream: int) -> None:
    """End this process in order when nobody holds the other end any more."""
    while os.read(stream, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pace", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    for name in [name for name in os.environ if name.startswith("STUDIOHUB_")]:
        del os.environ[name]
    logs.configure(style="json", level="WARNING")
    # Until the daemon takes it over, this ends the process by an exception, so that everything is closed.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    threading.Thread(target=_end_with, args=(sys.stdin.fileno(),), daemon=True).start()
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_run(asked.folder, pace=timedelta(seconds=asked.pace), seed=asked.seed))
    finally:
        shutil.rmtree(asked.folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
