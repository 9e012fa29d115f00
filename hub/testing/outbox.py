"""Webhooks that a simulated vendor sends, and what can go wrong with them."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from hub import http
from hub.errors import VendorError

__all__ = ["MODES", "Delivery", "Outbox", "unfit"]

Mode = Literal["send", "lose", "twice"]
MODES: tuple[Mode, ...] = ("send", "lose", "twice")
SECONDS = 5.0
"""How long the hub may take to answer."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook. `address`: where a subscription wants it; None where a person sets the address up by hand.
    `done` is told whether it arrived."""

    event: str
    headers: Mapping[str, str]
    body: bytes
    address: str | None = None
    done: Callable[[bool], None] | None = None


class Outbox:
    """What is to be sent. `address` is the one set by hand."""

    def __init__(self) -> None:
        self.mode: Mode = "send"
        self.address: str | None = None
        self.waiting: list[Delivery] = []
        self.sent: deque[dict[str, Any]] = deque(maxlen=100)

    async def flush(self, mode: Mode | None = None) -> list[dict[str, Any]]:
        """Send what waits, or lose it; what became of each."""
        waiting, self.waiting = self.waiting, []
        outcomes: list[dict[str, Any]] = []
        for delivery in waiting:
            answers = await _deliver(delivery, delivery.address or self.address, mode or self.mode)
            outcomes += [{"event": delivery.event, "answer": answer} for answer in answers]
        self.sent.extend(outcomes)
        return outcomes


def unfit(address: str) -> str | None:
    """Why webhooks can't be sent to an address: it must be https, or http on this machine."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no address"
    if not host or parts.scheme not in {"http", "https"}:
        return "it must be https://…, or http://… on this machine"
    if parts.scheme == "http" and not _loopback(host):
        return "it must be https, unless it is on this machine"
    return None


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _deliver(delivery: Delivery, address: str | None, mode: Mode) -> list[int | str]:
    if mode == "lose":
        return ["lost"]
    if address is None:
        return ["nobody has said where to"]
    answers = [await _post(delivery, address) for _ in range(2 if mode == "twice" else 1)]
    if delivery.done is not None:
        delivery.done(all(isinstance(answer, int) and 200 <= answer < 300 for answer in answers))
    return answers


async def _post(delivery: Delivery, address: str) -> int | str:
    parts = urlsplit(address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    client = http.Client(f"{parts.scheme}://{parts.netloc}", name="simulator", timeout=SECONDS, attempts=1)
    try:
        # Whoever holds a lane has no say in what a vendor sends, hence `reads`.
        answer = await client.call(
            "POST",
            path,
            json=msgspec.Raw(delivery.body),
            headers=delivery.headers,
            reads=True,
            accept=range(100, 600),
        )
    except VendorError:
        return "no answer"
    finally:
        await client.aclose()
    return answer.status
