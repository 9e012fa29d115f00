"""Serving a simulator over real HTTP on a loopback port, inside the process that made it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from hub.testing.simulator import Simulator

if TYPE_CHECKING:
    import uvicorn

__all__ = ["serve", "serve_in_thread"]


@contextlib.asynccontextmanager
async def serve(simulator: Simulator, *, port: int = 0) -> AsyncIterator[str]:
    """Serve in the running loop; gives the address to use as a connection's `base_url`. Port 0 takes a free one."""
    listening, base_url = _listen(simulator, port)
    server = _server(simulator)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield base_url
    finally:
        server.should_exit = True
        await serving


@contextlib.contextmanager
def serve_in_thread(simulator: Simulator, *, port: int = 0) -> Iterator[str]:
    """The same for callers that block, such as a test that runs a command: serves in a loop of a thread of its own.
    While a request may be under way, look at the simulator's state but don't change it."""
    listening, base_url = _listen(simulator, port)
    server = _server(simulator)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), name="simulator")
    thread.start()
    try:
        yield base_url
    finally:
        server.should_exit = True
        thread.join()


def _listen(simulator: Simulator, port: int) -> tuple[socket.socket, str]:
    """A socket that takes connections at once, so nobody has to wait until the server is up."""
    # Named as TCP, because asyncio switches Nagle's algorithm off only for sockets that say so; with it, every answer
    # on a kept connection would wait 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except (OSError, OverflowError):
        listening.close()
        raise
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}{simulator.base_path}"


def _server(simulator: Simulator) -> uvicorn.Server:
    # Here because plugins name their simulator when they are loaded, and most runs never serve one.
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """The process keeps its own signal handlers: the server is a guest in it."""
            yield

    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False}
    return Server(uvicorn.Config(simulator, lifespan="off", timeout_graceful_shutdown=1, **quiet))
