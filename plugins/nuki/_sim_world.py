"""The state of a simulated Nuki account, the locks to start with, and what their keypads open to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from hub.testing import World

__all__ = ["LOCKS", "NukiWorld", "Row", "opens_now"]

Row = dict[str, Any]

LOCKS = {"17900000001": "Front door", "17900000002": "Studio 1", "17900000003": "Sauna"}


class NukiWorld(World):
    """The tables of an account, by id as text. `auths` is what the server lists; `jobs` what it has stored and the
    locks have yet to carry out; `leftovers` are codes that a lock holds although nothing lists them."""

    hidden: ClassVar[frozenset[str]] = frozenset({"secrets", "leftovers", "last"})

    def __init__(self) -> None:
        self.locks: dict[str, Row] = {}
        self.auths: dict[str, Row] = {}
        self.jobs: dict[str, Row] = {}
        self.leftovers: dict[str, Row] = {}
        self.users: dict[str, Row] = {}
        self.logs: dict[str, Row] = {}
        self.hooks: dict[str, Row] = {}
        self.secrets: dict[str, str] = {}
        self.deliveries: dict[str, Row] = {}
        self.last: dict[str, int] = {}

    def number(self, what: str) -> int:
        """The next number of a kind."""
        self.last[what] = self.last.get(what, 1000) + 1
        return self.last[what]


def opens_now(row: Mapping[str, Any], at: datetime) -> bool:
    """Whether a code opens at a moment; days and hours are the hub's to leave alone, so they are not looked at."""
    if not row["enabled"]:
        return False
    starts, ends = row.get("allowedFromDate"), row.get("allowedUntilDate")
    return not ((starts and at < _moment(starts)) or (ends and at >= _moment(ends)))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
