"""The made-up studio: members, passes and badges as a desk would export them."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from hub.testing.made_up import FAMILY, GIVEN

__all__ = ["Desk", "made_up_desk"]

PASSES = {"abo-12": "Abo 12 months", "abo-12-sauna": "Abo 12 months + Sauna", "ten": "10 visits"}


@dataclass
class Desk:
    """The studio's booking system: tables that it exports to a folder as CSV files with a complete mark."""

    folder: Path
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    badges: dict[str, str] = field(default_factory=dict)
    passes: dict[str, dict[str, str]] = field(default_factory=dict)

    def export(self, at: datetime) -> None:
        """Write everything; the mark comes last, as an export should do it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "complete").unlink(missing_ok=True)
        self._write("members", ("id", "given_name", "family_name", "email", "language"), list(self.members.values()))
        self._write(
            "badges",
            ("member_id", "number", "format"),
            [{"member_id": member, "number": number, "format": "hex"} for member, number in self.badges.items()],
        )
        self._write("passes", ("id", "name"), [{"id": key, "name": name} for key, name in PASSES.items()])
        columns = ("id", "member_id", "pass_id", "valid_from", "valid_until", "state")
        self._write("member_passes", columns, list(self.passes.values()))
        (self.folder / "complete").write_text(at.isoformat(), encoding="utf-8")

    def _write(self, name: str, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        draft = self.folder / f".{name}.csv"
        draft.write_text(text.getvalue(), encoding="utf-8")
        draft.replace(self.folder / f"{name}.csv")

    def join(self, number: int, today: date, *, pass_id: str, badge: bool, days: int) -> str:
        """Somebody signs up; returns their id."""
        chance = random.Random(number)  # noqa: S311 - made-up people, the same ones every time
        key = str(1000 + number)
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        self.members[key] = {
            "id": key,
            "given_name": given,
            "family_name": family,
            "email": f"member{key}@example.com",
            "language": "de",
        }
        if badge:
            self.badges[key] = f"4A{number:05X}7C"
        self.passes[f"mp-{key}"] = {
            "id": f"mp-{key}",
            "member_id": key,
            "pass_id": pass_id,
            "valid_from": (today - timedelta(days=40)).isoformat(),
            "valid_until": (today + timedelta(days=days)).isoformat(),
            "state": "active",
        }
        return key


def made_up_desk(folder: Path, today: date, *, members: int) -> Desk:
    """A studio of that many members: most with a badge, three with passes that end today, some without a badge."""
    desk = Desk(folder)
    for number in range(members):
        pass_id = ("abo-12", "abo-12", "abo-12-sauna", "abo-12")[number % 4]
        days = 0 if number in {3, 4, 5} else 30 + number
        desk.join(number, today, pass_id=pass_id, badge=number % 25 != 7, days=days)
    return desk
