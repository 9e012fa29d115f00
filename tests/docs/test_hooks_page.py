"""docs/plugins/hooks.md has every hook, with its arguments and an example that runs."""

from __future__ import annotations

import inspect
import re
import types
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import events, grants, hookspecs
from hub.errors import Conflict, FixSettings, NotFound
from hub.plugins import Plugins
from hub.records import Complete, Page, Problem, Window
from tests.harness import NOW
from tests.hub.fakes import connected
from tests.vendor_pair.cluster import ROOT

PAGE = (ROOT / "docs" / "plugins" / "hooks.md").read_text(encoding="utf-8")
HOOKS = sorted({"describe", *hookspecs.VENDOR_HOOKS, *hookspecs.OBSERVERS})
SECTIONS = {
    match[1]: (match[2], match[3])
    for match in re.finditer(r"^### `(\w+)\(([^)]*)\)`\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
}
LONGEST_EXAMPLE = 12


def blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_on_the_page(hook: str) -> None:
    """With its arguments, some words, and an example of a dozen lines at most."""
    arguments, text = SECTIONS[hook]
    assert arguments == ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    (example,) = blocks(text)
    assert f"def {hook}(" in example
    assert len(example.splitlines()) <= LONGEST_EXAMPLE
    assert len(text.partition("```")[0].split()) > 6


def test_the_page_names_no_hook_that_there_is_not() -> None:
    """One that was renamed is renamed there too."""
    assert sorted(SECTIONS) == HOOKS


class Toy:
    """The module of the page, called as the hub calls plugins."""

    def __init__(self) -> None:
        self.module: Any = types.ModuleType("toy")
        exec("\n".join(blocks(PAGE)), vars(self.module))
        self.plugins = Plugins()
        plugin = self.plugins.register(self.module, name="toy")
        self.connection = connected(plugin, settings=self.module.Settings(site="nordlicht"))

    async def call(self, hook: str, **arguments: Any) -> Any:
        return await self.plugins.call(self.connection, hook, **arguments)

    async def read(self, hook: str, **arguments: Any) -> list[Any]:
        return [item async for item in self.plugins.read(self.connection, hook, **arguments)]


@pytest.fixture
def toy() -> Toy:
    return Toy()


async def test_verify_and_openings(toy: Toy) -> None:
    """What works is said, and so is what doesn't."""
    assert [check.state for check in await toy.call("verify")] == ["ok"]
    toy.connection.settings = toy.module.Settings(site="nord licht")
    (check,) = await toy.call("verify")
    assert (check.state, bool(check.fix)) == ("failed", True)
    assert {one.kind for one in await toy.call("list_openings")} == {"lock", "group"}


async def test_reading_and_webhooks(toy: Toy) -> None:
    """A page, a problem, the mark; a delivery of the vendor, and one of a stranger."""
    items = await toy.read("read_records", window=Window())
    assert [type(item) for item in items] == [Page, Problem, Complete]
    real = grants.WebhookRequest(headers={"x-toy-secret": "s"}, body=b"b-1", secret="s")
    assert await toy.call("read_webhook", request=real) == [grants.Hint(kind="booking", ids=("b-1",))]
    with pytest.raises(FixSettings):
        await toy.call("read_webhook", request=grants.WebhookRequest(headers={}, body=b"b-1", secret="s"))
    for _ in range(2):
        await toy.call("subscribe_webhooks", address="https://hub.example.com/hooks/x", secret="x")
    assert toy.connection.keep(toy.module.Vendor).hooks == {"studiohub": "https://hub.example.com/hooks/x"}


async def test_people_and_grants(toy: Toy) -> None:
    """Made once, read back, taken back twice; what others made stays."""
    person = grants.Person(member="desk:1", given_name="Anna", family_name="Graf", marker="[hub:i:desk:1]")
    (link,) = await toy.call("sync_members", people=[person])
    assert link.created
    grant = grants.Grant(id="g", member="desk:1", opens=grants.Opens(locks=("front",)), marker="[hub:i:desk:b]")
    first, second = await toy.call("grant_access", grant=grant), await toy.call("grant_access", grant=grant)
    assert first == second
    pages = await toy.read("observe_access", only=None)
    assert [one.marker for page in pages for one in page] == [grant.marker]
    with pytest.raises(NotFound):
        await toy.read("observe_access", only=["w-9"])
    known: dict[str, Any] = {"id": "g", "member": "desk:1", "opens": grant.opens, "vendor_id": first.vendor_id}
    with pytest.raises(Conflict):
        await toy.call("revoke_access", grant=grants.Grant(marker="[hub:other:desk:b]", **known))
    for _ in range(2):
        await toy.call("revoke_access", grant=grants.Grant(marker=grant.marker, **known))
    assert await toy.read("observe_access", only=None) == []


async def test_classes_and_seats(toy: Toy) -> None:
    """A class with two riders who swap their seats, and what they rode."""
    start = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    values: dict[str, Any] = {"id": "s", "name": "Ride", "box": "B", "timezone": "UTC", "marker": "[hub:i:desk:s]"}
    times = {"starts_at": start, "ends_at": start + timedelta(minutes=45)}
    made = await toy.call("session_created", session=grants.TrackerSession(**values, **times))
    session = grants.TrackerSession(**values, **times, vendor_id=made.vendor_id)
    assert await toy.call("session_created", session=session) == made
    anna, luca = (grants.Rider(member=f"desk:{name}", vendor_id=name) for name in ("anna", "luca"))
    one, two, _ = [seat.id for seat in await toy.call("read_layout", box="B")]
    await toy.call("seat_taken", seat=grants.Seat(session=session, rider=anna, seat=one))
    await toy.call("seat_taken", seat=grants.Seat(session=session, rider=luca, seat=two))
    with pytest.raises(Conflict):
        await toy.call("seat_moved", seat=grants.Seat(session=session, rider=anna, seat=two, previous_seat=one))
    await toy.call("seat_moved", seat=grants.Seat(session=session, rider=luca, seat=one, previous_seat=two))
    await toy.call("seat_moved", seat=grants.Seat(session=session, rider=anna, seat=two))
    assert (await toy.call("session_changed", session=session)).seats == {"anna": two, "luca": one}
    for _ in range(2):
        await toy.call("seat_freed", seat=grants.Seat(session=session, rider=anna, seat=two))
    assert (await toy.call("session_changed", session=session)).seats == {"luca": one}
    assert session.ends_at < NOW
    (result,) = await toy.call("fetch_metrics", session=session, riders=[luca])
    assert result.metrics == {"distance_km": 21.4}
    later = grants.TrackerSession(**values, starts_at=NOW, ends_at=NOW + timedelta(minutes=45))
    assert await toy.call("fetch_metrics", session=later, riders=[luca]) == []
    await toy.call("session_cancelled", session=session)
    with pytest.raises(NotFound):
        await toy.call("seat_taken", seat=grants.Seat(session=session, rider=anna, seat=two))
    assert (await toy.call("session_restored", session=session)).vendor_id == session.vendor_id
    await toy.call("seat_taken", seat=grants.Seat(session=session, rider=anna, seat=two))


async def test_observers(toy: Toy) -> None:
    """Everybody who observes is told."""

    def complain(name: str, error: Exception) -> None:
        raise AssertionError(name) from error

    changed = events.AccessChanged(
        at=NOW, target="door", member="desk:1", grant_id="g", what="created", opens="front", reason=""
    )
    await toy.plugins.tell("access_changed", changed, on_error=complain)
    ended = events.RunFinished(at=NOW, run_id="r", connection="door", state="ok", counts={})
    await toy.plugins.tell("run_finished", ended, on_error=complain)
    arrived = events.MetricsArrived(at=NOW, target="bikes", session="desk:s", members=())
    await toy.plugins.tell("metrics_arrived", arrived, on_error=complain)
    assert toy.module.told == ["access of desk:1: created", "run of door: ok", "results of desk:s"]
