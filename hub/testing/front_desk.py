"""What simulators of booking systems have in common: a made-up studio to begin with, and what staff and customers do.

A simulator says which tables staff may edit, and what the vendor announces then; `change` and `delete` are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from hub.testing.control import Id, act, wrong
from hub.testing.simulator import Simulator

__all__ = ["FrontDesk", "Table"]

K = TypeVar("K", str, int)

Table = dict[Any, dict[str, Any]]


class FrontDesk(Simulator):
    """A booking system."""

    editable: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """The tables that staff edit; for each, which of its fields are ids in which table."""

    # ── for the vendor's simulator to override ────────────────────────────────────────────────────────────────────

    def changed(self, table: str, row: Mapping[str, Any]) -> None:
        """A row was changed by `change`: put what the vendor announces into the outbox."""

    def removed(self, table: str, row: Mapping[str, Any]) -> None:
        """A row is about to be deleted by `delete`."""

    # ── what staff do in every one ────────────────────────────────────────────────────────────────────────────────

    @act("change")
    def _change(self, *, table: str, id: Id, fields: dict[str, Any]) -> dict[str, Any]:
        """Change fields of a row, by the names that /_simulator/state shows."""
        rows = self._table(table)
        key = self.pick(rows, id, f"row in {table}")
        row = rows[key]
        if not fields:
            raise wrong("there is nothing to change", 'Give fields, such as {"email": "anna@example.com"}.')
        rows[key] = {**row, **{name: self._value(table, row, name, value) for name, value in fields.items()}}
        self.changed(table, rows[key])
        return {"table": table, "id": key, "row": rows[key]}

    @act("delete")
    def _delete(self, *, table: str, id: Id) -> dict[str, Any]:
        """Delete a row. What names it stays, as it does at a vendor that forgets to clean up."""
        rows = self._table(table)
        key = self.pick(rows, id, f"row in {table}")
        self.removed(table, rows[key])
        del rows[key]
        return {"table": table, "id": key}

    def _table(self, name: str) -> Table:
        if name not in self.editable:
            raise wrong(f"there is no table {name!r} to edit", f"There are: {', '.join(self.editable)}.")
        table: Table = getattr(self.world, name)
        return table

    def _value(self, table: str, row: Mapping[str, Any], name: str, value: Any) -> Any:
        if name == "id" or name not in row:
            fix = f"There are: {', '.join(one for one in row if one != 'id')}."
            raise wrong(f"{table} has no field {name!r} to change", fix)
        old = row[name]
        if isinstance(old, datetime):
            return self.when(str(value))
        if name in self.editable[table] and value is not None:
            other = self.editable[table][name]
            return self.pick(getattr(self.world, other), value, f"row in {other}")
        if old is not None and value is not None and _kind(value) is not _kind(old):
            raise wrong(f"{name} can't be {value!r}", f"It is {old!r} now; write it like that.")
        return value

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def pick(self, table: Mapping[K, Mapping[str, Any]], given: Any, what: str) -> K:
        """The key of the row that is meant, by its id or its e-mail address. Raises Reject."""
        text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
        for key, row in table.items():
            if str(key) == text or (text and str(row.get("email") or "").lower() == text.lower()):
                return key
        few = ", ".join(str(key) for key in list(table)[:5]) or "none"
        raise wrong(f"there is no {what} {given!r}", f"There are: {few}{', …' if len(table) > 5 else ''}.", status=404)

    def until(self, starts: datetime, minutes: int | None, *, usual: timedelta) -> datetime:
        """The end of what takes so many minutes. Raises Reject."""
        if minutes is not None and not 1 <= minutes <= 60 * 24 * 31:
            raise wrong("minutes must be between 1 and 44640")
        return starts + (usual if minutes is None else timedelta(minutes=minutes))


def _kind(value: Any) -> type:
    """A whole number may become another number."""
    return float if type(value) is int else type(value)
