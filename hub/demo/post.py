"""A mail server that takes everything and brings it nowhere: the made-up studio's members get no mail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

__all__ = ["nowhere"]


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One conversation, as RFC 5321 has it."""

    async def say(line: str) -> None:
        writer.write(f"{line}\r\n".encode())
        await writer.drain()

    with contextlib.suppress(ConnectionError, ValueError):
        await say("220 nowhere")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                await say("354 go on")
                while (await reader.readline()) not in {b".\r\n", b""}:
                    pass
            await say("221 bye" if word == b"QUIT" else "250 nowhere")
            if word == b"QUIT":
                break
    writer.close()


@contextlib.asynccontextmanager
async def nowhere() -> AsyncIterator[int]:
    """Serve it on this machine; gives the port."""
    server = await asyncio.start_server(_take, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port
