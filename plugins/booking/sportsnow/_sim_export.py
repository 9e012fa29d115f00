"""What staff do at SportsNow's desk: export tables into a folder, since nothing else gives members away.

The columns of the customer table are ASSUMED (see `export`); the other files have the hub's own form.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from plugins.booking.sportsnow import export
from plugins.booking.sportsnow._sim_world import SportsNowWorld

__all__ = ["write_export"]

CUSTOMER_TABLE = ("Kundennummer", "Vorname", "Nachname", "E-Mail", "Telefon", "Geburtsdatum", "Geschlecht", "Badges")


def write_export(world: SportsNowWorld, folder: Path, at: datetime | None) -> None:
    """Write customers, passes, their passes and bookings; with `at`, the mark with that time comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / export.MARK
    mark.unlink(missing_ok=True)
    _write(folder / export.CUSTOMERS, CUSTOMER_TABLE, map(_customer, world.customers.values()), ";")
    _write(folder / "passes.csv", ("id", "name"), ((row["id"], row["name"]) for row in world.passes.values()))
    _write(
        folder / "member_passes.csv",
        ("id", "member_id", "pass_id", "valid_from", "valid_until", "state"),
        (
            (
                row["id"],
                row["customer_id"],
                row["pass_id"],
                _day(row["starts_on"]),
                _day(row["ends_on"]),
                "revoked" if row["deleted_at"] else "active",
            )
            for row in world.customer_passes.values()
        ),
    )
    states = {"booked": "confirmed", "waiting": "waitlisted", "cancelled": "cancelled"}
    _write(
        folder / "bookings.csv",
        ("id", "member_id", "session_id", "state"),
        (
            (row["id"], row["customer_id"], row["service_session_id"], states.get(row["status"], row["status"]))
            for row in world.bookings.values()
        ),
    )
    if at is not None:
        _replace(mark, at.isoformat().encode())


def _customer(row: dict[str, Any]) -> Sequence[object]:
    return (
        row["id"],
        row["first_name"],
        row["last_name"],
        row["email"],
        row["phone"],
        _day(row["birth_date"]),
        row["gender"],
        ", ".join(badge["number"] for badge in row["badges"]),
    )


def _day(text: str | None) -> str:
    return date.fromisoformat(text).strftime("%d.%m.%Y") if text else ""


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(header)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    _replace(path, text.getvalue().encode())


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_bytes(data)
    beside.replace(path)
