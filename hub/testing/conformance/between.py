"""What stands between a plugin and its simulator: counts the requests, changes answers, lets one hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["Answered", "Between"]


@dataclass(frozen=True)
class Answered:
    """One exchange: what was asked, with its body, and what the vendor answered."""

    method: str
    path: str
    asked: bytes
    status: int
    kind: str
    body: bytes


class Between:
    """An ASGI application in front of another. `change` makes other answers; `hang_at` lets the answer to that request
    (the first is 1) never come, although the vendor has done its work, and sets `hanging`."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.requests = 0
        self.change: Callable[[Answered], tuple[int, bytes] | None] | None = None
        self.hang_at: int | None = None
        self.hanging = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        number = self.requests
        sent: list[Message] = []
        asked = b""

        async def listen() -> Message:
            nonlocal asked
            message = await receive()
            asked += message.get("body", b"")
            return message

        async def keep(message: Message) -> None:
            sent.append(message)

        await self.app(scope, listen, keep)
        if number == self.hang_at:
            self.hanging.set()
            await asyncio.Event().wait()
        for message in self._changed(scope, asked, sent):
            await send(message)

    def _changed(self, scope: Scope, asked: bytes, sent: list[Message]) -> list[Message]:
        if self.change is None or len(sent) < 2:
            return sent
        start, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
        headers = dict(start.get("headers", ()))
        kind = headers.get(b"content-type", b"").decode("latin-1")
        answered = Answered(scope["method"], scope["path"], asked, start["status"], kind, body)
        changed = self.change(answered)
        if changed is None:
            return sent
        status, body = changed
        headers = {**headers, b"content-length": b"%d" % len(body)}
        head = {**start, "status": status, "headers": list(headers.items())}
        return [head, {"type": "http.response.body", "body": body}]
