"""What the tests ask a vendor for: people, grants, classes and seats, the way the hub does it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hub import grants as g
from hub.errors import FixRecord
from hub.plugins import Ability
from hub.testing.conformance.bench import NOW, Bench
from hub.testing.conformance.promise import Broken, expect

__all__ = [
    "EMAIL",
    "ENDS",
    "FAMILY",
    "FROM",
    "GIVEN",
    "STARTS",
    "UNTIL",
    "again",
    "box_of",
    "code_for",
    "confirmed",
    "created",
    "given",
    "grant_for",
    "linked",
    "opening",
    "person",
    "renewed",
    "rider",
    "seat",
    "seats_of",
    "session",
    "stands",
    "taken",
    "ways",
]

GIVEN, FAMILY, EMAIL = "Anna", "Graf", "anna.graf.1@example.com"
FROM, UNTIL = datetime.fromisoformat("2025-12-31T23:00:00Z"), datetime.fromisoformat("2027-12-31T23:00:00Z")
STARTS, ENDS = NOW + timedelta(hours=1), NOW + timedelta(hours=3)
SHORTLY = timedelta(seconds=30)


def ways(bench: Bench) -> list[str]:
    """How the vendor opens doors: `group` (access groups), `lock` (windows on named locks), or both."""
    abilities = bench.plugin.abilities
    return [way for way, ability in (("group", Ability.GROUPS), ("lock", Ability.LOCKS)) if ability in abilities]


async def opening(bench: Bench, way: str) -> g.Opening:
    """The first opening of that kind."""
    found: list[g.Opening] = [one for one in await bench.call("list_openings") if one.kind == way]
    expect(found, f"list_openings names no {way} at the furnished simulator, so nothing can be granted there")
    return found[0]


def person(bench: Bench, number: int = 1, **fields: Any) -> g.Person:
    """A member as a vendor with people is told of them."""
    member = f"desk:{number}"
    values: dict[str, Any] = {
        "given_name": GIVEN,
        "family_name": FAMILY,
        "email": EMAIL if number == 1 else f"anna.graf.{number}@example.com",
        "valid_from": FROM,
        "valid_until": UNTIL,
        **fields,
    }
    return g.Person(member=member, marker=bench.connection.marker(member), **values)


async def linked(bench: Bench, number: int = 1, **fields: Any) -> str | None:
    """The vendor's id of a member whom it was told of; None for a vendor without people."""
    if Ability.PEOPLE not in bench.plugin.abilities:
        return None
    (outcome,) = await bench.call("sync_members", people=[person(bench, number, **fields)])
    if isinstance(outcome, g.Failed):
        raise outcome.error
    if not isinstance(outcome, g.Link):
        raise Broken(f"sync_members did not make a new person but said: {outcome.text}")
    return outcome.vendor_id


def code_for(bench: Bench) -> str | None:
    """A code in the vendor's format, where it takes codes."""
    if Ability.CODES not in bench.plugin.abilities:
        return None
    if bench.plugin.draw_code_for is not None:
        return bench.plugin.draw_code_for(bench.connection.settings)
    return bench.plugin.draw_code() if bench.plugin.draw_code is not None else None


async def grant_for(bench: Bench, way: str, number: int = 1, **fields: Any) -> g.Grant:
    """A grant that is to stand at the vendor; of a way with people, the person is there already."""
    target = await opening(bench, way)
    abilities = bench.plugin.abilities
    values: dict[str, Any]
    if way == "group":
        badges = (g.Badge(f"4A0000{number}7C"),) if Ability.BADGES in abilities else ()
        values = {
            "id": f"g-{number}",
            "marker": bench.connection.marker(f"desk:{number}"),
            "opens": g.Opens(group=target.id),
            "person_id": fields["person_id"] if "person_id" in fields else await linked(bench, number),
            "valid_from": FROM,
            "valid_until": UNTIL,
            "badges": badges,
            "our_groups": frozenset({target.id}),
            "our_badges": frozenset(badge.number for badge in badges),
        }
    else:
        values = {
            "id": f"v-{number}",
            "marker": bench.connection.marker(f"desk:b-{number}"),
            "opens": g.Opens(locks=(target.id,)),
            "valid_from": STARTS,
            "valid_until": ENDS,
            "credential": "both",
            "code": code_for(bench),
            "reference": f"B-{number}",
        }
    common: dict[str, Any] = {
        "member": f"desk:{number}",
        "label": f"{GIVEN} {FAMILY}",
        "email": EMAIL,
        "language": "de",
        "tag": bench.connection.tag(values["id"]),
    }
    return g.Grant(**{**common, **values, **fields})


def again(wanted: g.Grant, granted: g.Granted | None = None, **fields: Any) -> g.Grant:
    """The same grant as the hub asks for it later, with what it has learnt."""
    known = {} if granted is None else {"vendor_id": granted.vendor_id}
    values = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    return g.Grant(**{**values, **known, **fields})


async def stands(bench: Bench, way: str, number: int = 1, **fields: Any) -> g.Grant:
    """A grant that was made and stands, as the hub knows it."""
    wanted = await grant_for(bench, way, number, **fields)
    return again(wanted, await given(bench, wanted))


async def given(bench: Bench, wanted: g.Grant) -> g.Granted:
    """Grant, and call again until the vendor shows it, as the hub does; or until it should have."""
    return await confirmed(bench, wanted, await bench.call("grant_access", grant=wanted))


async def confirmed(bench: Bench, wanted: g.Grant, granted: g.Granted) -> g.Granted:
    """What a grant comes to once the vendor shows it."""
    asked = bench.clock.now()
    while not granted.confirmed and bench.clock.now() < asked + bench.plugin.confirms_within:
        bench.clock.move(SHORTLY)
        later = again(wanted, granted, asked_at=asked, look_first=False, sure_after=None)
        granted = await bench.call("grant_access", grant=later)
    return granted


async def taken(bench: Bench, standing: g.Grant) -> g.Revoked:
    """Revoke, and call again until the vendor shows it."""
    asked = bench.clock.now()
    revoked: g.Revoked = await bench.call("revoke_access", grant=standing)
    while not revoked.confirmed and bench.clock.now() < asked + bench.plugin.confirms_within:
        bench.clock.move(SHORTLY)
        revoked = await bench.call("revoke_access", grant=again(standing, asked_at=asked))
    return revoked


# ── trackers ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def box_of(bench: Bench) -> str:
    """The first box."""
    if not bench.has("list_openings"):
        return ""
    found = [one for one in await bench.call("list_openings") if one.kind == "box"]
    expect(found, "list_openings names no box at the simulator, so no class can be held there")
    return str(found[0].id)


async def session(bench: Bench, number: int = 1, **fields: Any) -> g.TrackerSession:
    """A class that is to stand at the tracker."""
    values: dict[str, Any] = {
        "id": f"desk:s-{number}",
        "name": "Ride 45",
        "box": fields["box"] if "box" in fields else await box_of(bench),
        "starts_at": STARTS + timedelta(days=number),
        "ends_at": STARTS + timedelta(days=number, minutes=45),
        "timezone": "Europe/Zurich",
        "marker": bench.connection.marker(f"desk:s-{number}"),
        **fields,
    }
    return g.TrackerSession(**values)


def renewed(wanted: g.TrackerSession, **fields: Any) -> g.TrackerSession:
    """The same class, with other fields."""
    return g.TrackerSession(**{**{name: getattr(wanted, name) for name in wanted.__struct_fields__}, **fields})


async def created(bench: Bench, number: int = 1, **fields: Any) -> g.TrackerSession:
    """A class that was made and stands, as the hub knows it."""
    wanted = await session(bench, number, **fields)
    outcome = await bench.call("session_created", session=wanted)
    return renewed(wanted, vendor_id=outcome.vendor_id)


async def rider(bench: Bench, number: int = 1) -> g.Rider:
    """A member whom the tracker knows."""
    wanted = person(bench, number)
    vendor_id = await linked(bench, number)
    return g.Rider(member=wanted.member, vendor_id=vendor_id or wanted.member, email=wanted.email)


async def seats_of(bench: Bench, box: str) -> list[str]:
    """The ids of a box's seats; small numbers where the tracker can't tell."""
    layout = await bench.call("read_layout", box=box) if bench.has("read_layout") else None
    return [one.id for one in layout] if layout else ["1", "2", "3"]


async def seat(bench: Bench, wanted: g.TrackerSession, who: g.Rider, place: int = 0, **fields: Any) -> g.Seat:
    """A rider on the seat that comes at that place."""
    seats = await seats_of(bench, wanted.box)
    if len(seats) < 3:
        raise FixRecord("the furnished simulator needs three seats on a box")
    return g.Seat(session=wanted, rider=who, seat=seats[place], **fields)
