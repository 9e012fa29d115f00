"""A plan in the words in which people look at it: where, who, before and after, why; and who would stand at a closed
door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub import times
from hub.access.decide import Wanted
from hub.access.reasons import Reason
from hub.look.grants import named, opening_names
from hub.reconcile.plan import Action, Change, Plan, opens_json
from hub.store import among
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["LEFT_ALONE", "SOON", "PlanLine", "has_soon", "plan_lines", "source_marks"]

SOON = timedelta(hours=2)
LEFT_ALONE = "Left alone"

_GOES = frozenset({r.BookingState.REQUESTED, r.BookingState.CONFIRMED, r.BookingState.CHECKED_IN})
_WORST_FIRST: Mapping[str, int] = {"remove": 0, "held": 1, "change": 2, "create": 3, "blocked": 4}


@dataclass(frozen=True)
class PlanLine:
    """One line of a plan. `takes`: somebody loses something by it."""

    id: str
    plan: str
    target: str
    action: str
    group: str
    name: str
    ref: str
    before: str
    after: str
    why: str
    fix: str
    rule: str
    reference: str
    takes: bool
    identity: str
    text: str
    """What changes, in one line: before → after without what the group says already, or what blocks it."""
    soon: datetime | None = None
    """When a booking of theirs begins, where that is in the next two hours (or is going on)."""
    starts: datetime | None = None
    """When the window begins, of a visit."""


async def plan_lines(db: AsyncConnection, studio: Studio, plans: Sequence[Plan], now: datetime) -> list[PlanLine]:
    """The lines of plans, grouped by what they open, what takes something away first, those of people who are about to
    come before the others; then passes by the names of members, and visits by their start."""
    names = await opening_names(db, {plan.target_id for plan in plans})
    zone = times.zone(studio.timezone)
    found: list[PlanLine] = []
    several = sum(bool(plan.changes) for plan in plans) > 1
    for plan in plans:
        losing: dict[int, set[str]] = {}
        for change in plan.changes:
            if _takes(change):
                losing.setdefault(change.source_id, set()).add(change.member)
        soon = {
            (source_id, member): at
            for source_id, members in losing.items()
            for member, at in (await has_soon(db, source_id, members, now)).items()
        }
        known = names.get(plan.target_id, {})
        for change in plan.changes:
            at = soon.get((change.source_id, change.member)) if _takes(change) else None
            found.append(_line(plan, change, known, zone, several=several, soon=at))
    left_alone = {line.group for line in found if line.action == "blocked"}
    return sorted(
        found,
        key=lambda line: (
            line.group in left_alone,
            line.group,
            _WORST_FIRST.get(line.action, 9),
            line.soon is None,
            *_turn(line),
            line.id,
        ),
    )


def _turn(line: PlanLine) -> tuple[bool, datetime, str, str]:
    return (line.starts is not None, line.starts or _EVER, line.name.casefold(), line.ref)


_EVER = datetime.min.replace(tzinfo=UTC)


def _takes(change: Change) -> bool:
    doing = change.would or change.action
    return doing is Action.REMOVE or (doing is Action.CHANGE and change.surprise)


def _line(
    plan: Plan, change: Change, names: Mapping[str, str], zone: ZoneInfo, *, several: bool, soon: datetime | None
) -> PlanLine:
    opens = _opens(change, names)
    action = change.action.value
    group = LEFT_ALONE if action == "blocked" else opens or "no door"
    before, after, short = _both(change, names, zone)
    return PlanLine(
        id=f"{plan.id}/{change.source_id}/{change.member}/{change.key}",
        plan=plan.id,
        target=plan.target,
        action=action,
        group=f"{plan.target} · {group}" if several else group,
        name=change.name or change.ref,
        ref=change.ref,
        before=before,
        after=after,
        why=change.reason.text,
        fix=_fix(plan, change),
        rule=named(change.rule, names),
        reference=change.reference,
        takes=_takes(change),
        identity=change.identity,
        text=change.reason.short if change.action is Action.BLOCKED else short,
        soon=soon,
        starts=_visit_start(change.after or change.before),
    )


def _fix(plan: Plan, change: Change) -> str:
    """What to do; a held line names the plan that it is in, which has its name only when all lines are known."""
    return Reason(change.reason.code, {"plan": plan.id, **change.reason.values}).fix


def _visit_start(wanted: Wanted | None) -> datetime | None:
    if wanted is None or wanted.valid_from is None or wanted.valid_until is None:
        return None
    return wanted.valid_from if wanted.valid_until - wanted.valid_from <= times.LONGEST_DAY else None


def _opens(change: Change, names: Mapping[str, str]) -> str:
    return _words(opens_json(change.opens), names)


def _words(opens: Mapping[str, object], names: Mapping[str, str]) -> str:
    group, locks = opens.get("group"), opens.get("locks")
    ids = [str(group)] if group else [str(lock) for lock in locks] if isinstance(locks, list) else []
    return ", ".join(names.get(one, one) for one in ids)


def _both(change: Change, names: Mapping[str, str], zone: ZoneInfo) -> tuple[str, str, str]:
    """Before and after in full, and both in one line: what differs of them."""
    before, after = change.before, change.after
    if (change.would or change.action) is Action.REMOVE:
        was, short = (_all(before, names, zone), _when(before, names, zone)) if before else (_opens(change, names), "")
        return was, "none", f"{short or 'access'} → none"
    if after is None:
        return "", "", ""
    if before is None:
        whole = _all(after, names, zone)
        return "", whole, _when(after, names, zone) or "from now on"
    one, other = _parts(before, names, zone), _parts(after, names, zone)
    differ = [name for name in other if one.get(name) != other[name]]
    if not differ:
        return _all(before, names, zone), _all(after, names, zone), "person and badge brought up to date"
    was, will = (", ".join(parts.get(name, "") for name in differ) for parts in (one, other))
    return was, will, _step(was, will) if len(differ) == 1 else f"{was} → {will}"


def _step(was: str, will: str) -> str:
    """From one to the other: what both begin with stands once, and so does a year that both end with."""
    word, _, day = will.partition(" ")
    if word not in {"until", "from"} or not was.startswith(f"{word} "):
        return f"{was} → {will}"
    year = day.rpartition(" ")[2]
    return f"{was.removesuffix(f' {year}') if ':' not in year else was} → {day}"


def _all(wanted: Wanted, names: Mapping[str, str], zone: ZoneInfo) -> str:
    return ", ".join(part for part in _parts(wanted, names, zone).values() if part and part != "open end")


def _when(wanted: Wanted, names: Mapping[str, str], zone: ZoneInfo) -> str:
    parts = _parts(wanted, names, zone)
    return ", ".join(part for name, part in parts.items() if name != "opens" and part and part != "open end")


def _parts(wanted: Wanted, names: Mapping[str, str], zone: ZoneInfo) -> dict[str, str]:
    starts, ends = wanted.valid_from, wanted.valid_until
    parts = {"opens": _words(opens_json(wanted.opens), names)}
    if starts is not None and ends is not None and ends - starts <= times.LONGEST_DAY:
        (day, opens), (_, closes) = times.wall(starts, zone), times.wall(ends, zone, end=True)
        parts["when"] = f"{day:%a %-d %b} {opens}–{closes}"
        return parts
    first, last = times.edges_text(starts, ends, zone)
    if first:
        parts["from"] = f"from {first}"
    return {"from": "", **parts, "until": f"until {last}" if last else "open end"}


async def has_soon(db: AsyncConnection, source_id: int, members: set[str], now: datetime) -> dict[str, datetime]:
    """Who of these members has a booking that is going on or begins in the next two hours, and when it begins."""
    c = t.record.c
    live = (c.source_id == source_id, c.deleted_at.is_(None))
    query = select(c.owner, c.data).where(*live, c.kind == "booking", among(c.owner, sorted(members), db))
    query = query.where(or_(c.ends_at.is_(None), c.ends_at > now))
    decode = r.decoder("booking").decode
    bookings = [(owner, decode(data)) for owner, data in (await db.execute(query)).all()]
    ids = sorted({one.session_id for _, one in bookings if one.session_id and one.starts_at is None})
    sessions = {}
    if ids:
        asked = select(c.record_id, c.data).where(*live, c.kind == "session", among(c.record_id, ids, db))
        sessions = {key: r.decoder("session").decode(data) for key, data in (await db.execute(asked)).all()}
    found: dict[str, datetime] = {}
    for owner, one in bookings:
        of = one if one.starts_at is not None else sessions.get(one.session_id or "")
        if of is None or of.starts_at is None or one.state not in _GOES:
            continue
        if of.starts_at <= now + SOON and (of.ends_at is None or of.ends_at > now):
            found[owner] = min(found.get(owner, of.starts_at), of.starts_at)
    return found


async def source_marks(db: AsyncConnection, studio: Studio) -> frozenset[tuple[int, int]]:
    """How often each source was worked on: another answer later says that records may have changed."""
    lane = t.lane.c
    query = (
        select(lane.connection_id, lane.token)
        .join(t.connection, t.connection.c.id == lane.connection_id)
        .where(lane.studio_id == studio.id, t.connection.c.target_options.is_(None))
    )
    return frozenset((row.connection_id, row.token) for row in await db.execute(query))
