"""CSV files under the hub's conformance kit: an export folder stands where others have a vendor on the network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hub.testing.conformance import Bench, Conformance
from hub.testing.conformance.kit import Step
from hub.testing.made_up import PASSES, members
from plugins.booking import files
from plugins.booking.files.simulator import Desk

__all__ = ["Kit"]

MEMBERS = 12


class Kit(Conformance):
    """A desk that exports its tables."""

    plugin = files

    def furnish(self, bench: Bench) -> None:
        bench.settings["path"] = bench.folder / "export"
        _export(bench)

    def interruptions(self) -> Iterator[tuple[str, Step]]:
        """An export that was torn, or is not finished."""
        for name in ("members.csv", "member_passes.csv", "badges.csv"):
            yield f"half of {name}", partial(_export, torn=name)
        yield "no mark", partial(_export, complete=False)
        yield "a mark that can't be read", partial(_export, mark="soon")


def _export(bench: Bench, *, torn: str | None = None, mark: str | None = None, complete: bool = True) -> None:
    desk = Desk(bench.folder / "export")
    desk.faults.torn, desk.faults.mark = torn, mark
    desk.passes += [{"id": f"p-{number}", "name": name} for number, name in enumerate(PASSES)]
    for one in members(MEMBERS, seed=1, today=bench.clock.now().date()):
        key = str(one.number)
        desk.members.append({"id": key, "given_name": one.given, "family_name": one.family, "email": one.email})
        if one.badge is not None:
            desk.badges.append({"member_id": key, "number": one.badge, "format": "hex"})
        desk.member_passes.append(
            {
                "id": f"mp-{key}",
                "member_id": key,
                "pass_id": f"p-{one.held}",
                "valid_from": one.since,
                "valid_until": one.until,
                "state": "active",
            }
        )
    desk.export(at=bench.clock.now(), complete=complete)
