"""Writing to the ledger: intents before a call, outcomes after it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import redact
from hub.access.decide import GROUP_KEY
from hub.access.reasons import Reason
from hub.errors import FixRecord, HubError, NotYet, PluginError, Refused, RetryLater, Unconfirmed, VendorError
from hub.reconcile.codes import CODE_TAKEN, Code
from hub.reconcile.diff import encode_wanted
from hub.reconcile.plan import Action, Change, Resting, Stay
from hub.store import among, upsert
from hub.store import tables as t
from hub.store.journal import new_id

__all__ = ["Intent", "Outcome", "carry_out_stays", "find_crashed", "write_intents", "write_outcomes"]

FIRST_RETRY = timedelta(seconds=30)
RETRY_SILENCE = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=6)
UNCONFIRMED_RETRY = timedelta(seconds=60)
MOST_DRAWS = 3
"""So many codes are drawn for a visit at a vendor that refuses them, before it is set aside."""


@dataclass(frozen=True)
class Intent:
    """What is about to be done for one grant: the committed row as a plugin needs it."""

    change: Change
    grant_id: str
    attempts: int
    uncertain: bool
    asked_at: datetime
    our_groups: frozenset[str]
    our_badges: frozenset[str]
    vendor_id: str | None
    person_id: str | None
    code: str | None = field(default=None, repr=False)
    others: frozenset[str] = frozenset()
    waiting: bool = False
    """The vendor accepted just this at `asked_at`, and has not shown it."""


@dataclass
class Outcome:
    """How one intent ended."""

    intent: Intent
    granted: g.Granted | None = None
    revoked: g.Revoked | None = None
    error: Exception | None = None
    person_id: str | None = None
    sealed: Mapping[str, Any] = field(default_factory=dict)
    person_gone: bool = False

    @property
    def confirmed(self) -> bool:
        """Whether the vendor did it and shows so."""
        done = self.granted or self.revoked
        return self.error is None and done is not None and done.confirmed

    @property
    def news(self) -> bool:
        """Whether something happened that is worth a line: not where it waits as it did before."""
        if isinstance(self.error, NotYet):
            return self.intent.change.grant_id is None
        if self.intent.waiting and not self.confirmed:
            return self.error is not None and not self.intent.attempts
        return True

    @property
    def ok(self) -> bool:
        """Whether the vendor did it (confirmed or not)."""
        return self.error is None

    @property
    def notes(self) -> tuple[g.Note, ...]:
        """What the plugin wants people to know."""
        done = self.granted or self.revoked
        return done.notes if done is not None else ()


async def find_crashed(db: AsyncConnection, target_id: int, token: int, *, now: datetime) -> int:
    """Turn intents of earlier holders of the lane, whose answers never came, into `unknown`; returns how many.

    They count as asked now: when the request left, and whether it is still on its way, only the dead process knew.
    """
    c = t.ledger.c
    done = await db.execute(
        update(t.ledger)
        .where(
            c.target_id == target_id,
            c.asked_at.is_not(None),
            # What the vendor accepted, and is only looked at again, has a time for that.
            or_(c.next_try_at.is_(None), c.state == "requested"),
            c.token < token,
            c.state != "unknown",
        )
        .values(state="unknown", settled=False, next_try_at=None, asked_at=now)
    )
    if done.rowcount:
        link = t.link.c
        await db.execute(
            update(t.link)
            .where(link.target_id == target_id, link.state == "asked", link.vendor_id.is_(None))
            .values(asked_at=now)
        )
    return done.rowcount


async def write_intents(
    db: AsyncConnection,
    studio_id: int,
    target_id: int,
    changes: Sequence[Change],
    *,
    now: datetime,
    token: int,
    look_first: Collection[str] = (),
    codes: Mapping[tuple[str, str], Code] | None = None,
) -> list[Intent]:
    """Commit to the ledger what is about to be asked of the vendor, and take it off the agenda. What is to be given
    counts as ours from now on; for members in `look_first` only once somebody has looked at what stands there
    (`write_ours`)."""
    ids = [change.grant_id for change in changes if change.grant_id is not None]
    c = t.ledger.c
    query = select(c.id, c.ours, c.attempts, c.state, c.vendor_id, c.person_id, c.asked_at).where(c.id.in_(ids))
    known = {row.id: row for row in await db.execute(query)}
    intents: list[Intent] = []
    new: list[dict[str, Any]] = []
    old: list[dict[str, Any]] = []
    for change in changes:
        row = known.get(change.grant_id or "")
        grant_id = row.id if row is not None else new_id("g", now)
        ours = json.loads(row.ours) if row is not None else {}
        groups, badges = set(ours.get("groups", ())), set(ours.get("badges", ()))
        if change.after is not None and change.ref not in look_first:
            groups |= {change.after.opens.group} - {None}
            badges |= {badge.number for badge in change.after.badges}
        uncertain = row is not None and row.state == "unknown"
        waiting = row is not None and row.asked_at is not None and row.state == _WAITS[change.action]
        asked_at = row.asked_at if row is not None and row.asked_at is not None and (uncertain or waiting) else now
        code = (codes or {}).get((change.ref, change.key))
        intents.append(
            Intent(
                change=change,
                grant_id=grant_id,
                attempts=row.attempts if row is not None else 0,
                uncertain=uncertain,
                asked_at=asked_at,
                our_groups=frozenset(groups),
                our_badges=frozenset(badges),
                vendor_id=row.vendor_id if row is not None else None,
                person_id=row.person_id if row is not None else None,
                code=code.text if code is not None else None,
                waiting=waiting,
            )
        )
        # Why somebody has it goes on being so; what had to be changed is over once it is done, and stands in the log.
        reason = Reason("ok", change.reason.values) if change.reason.code == "changed" else change.reason
        values = {
            "name": change.name,
            "state": "unknown" if uncertain else _WAITS[change.action] if waiting else _ASKED[change.action],
            "settled": False,
            "wanted": encode_wanted(change.after) if change.after is not None else None,
            "ours": json.dumps({"groups": sorted(groups), "badges": sorted(badges)}),
            "record": change.record or None,
            "rule": change.rule,
            "reason": reason.text,
            "reason_code": reason.code,
            "token": token,
            "asked_at": asked_at,
            # On its way: nothing else has no time for another try.
            "next_try_at": None,
            "changed_at": now,
        }
        if row is None:
            new.append(
                {
                    "id": grant_id,
                    "studio_id": studio_id,
                    "target_id": target_id,
                    "source_id": change.source_id,
                    "member": change.member,
                    "key": change.key,
                    "opens": _opens_text(change.opens),
                    "valid_from": change.valid_from,
                    "valid_until": change.valid_until,
                    "created_at": now,
                    "sealed_code": code.sealed if code is not None else None,
                    "code_print": code.fingerprint if code is not None else None,
                    **values,
                }
            )
        else:
            fresh = {"sealed_code": code.sealed, "code_print": code.fingerprint} if code is not None else {}
            old.append({"row": grant_id, **values, **fresh})
    if new:
        await db.execute(insert(t.ledger), new)
    for alike in (True, False):
        # Two statements, because those with a code have more to write.
        rows = [row for row in old if ("sealed_code" in row) is alike]
        if rows:
            names = [name for name in rows[0] if name != "row"]
            statement = update(t.ledger).where(c.id == bindparam("row"))
            await db.execute(statement.values({name: bindparam(name) for name in names}), rows)
    await carry_out_stays(
        db,
        target_id,
        [Stay(change.source_id, change.member, change.stamp, change.due_at, change.note) for change in changes],
    )
    return intents


async def write_ours(db: AsyncConnection, intent: Intent) -> None:
    """Commit what the hub may take back of a grant."""
    ours = json.dumps({"groups": sorted(intent.our_groups), "badges": sorted(intent.our_badges)})
    await db.execute(update(t.ledger).where(t.ledger.c.id == intent.grant_id).values(ours=ours))


async def with_others(db: AsyncConnection, target_id: int, intents: Sequence[Intent]) -> list[Intent]:
    """The intents, those of visits that have to be looked for with the vendor's ids of their members' other grants."""
    c = t.ledger.c
    found: list[Intent] = []
    for intent in intents:
        change = intent.change
        if intent.uncertain and change.visit:
            mine = (c.target_id == target_id, c.source_id == change.source_id, c.member == change.member)
            query = select(c.vendor_id).where(*mine, t.LIVE, c.vendor_id.is_not(None), c.id != intent.grant_id)
            found.append(replace(intent, others=frozenset((await db.execute(query)).scalars())))
        else:
            found.append(intent)
    return found


_ASKED = {Action.CREATE: "requested", Action.CHANGE: "updating", Action.REMOVE: "removing"}
"""The state while the vendor is called."""
_WAITS = {**_ASKED, Action.CREATE: "in_progress"}
"""The state when the vendor has accepted it and has yet to show it."""


def _opens_text(opens: g.Opens) -> str:

    return msgspec.json.encode(opens).decode()


async def carry_out_stays(db: AsyncConnection, target_id: int, stays: Sequence[Stay]) -> None:
    """Bring the agenda up to date. A stamp that changed since the plan was made stays, so newer news isn't lost."""
    a = t.agenda.c
    if not stays:
        return
    rows = [
        {
            "row_source": stay.source_id,
            "row_member": stay.member,
            "row_stamp": stay.stamp,
            "new_due": stay.due_at,
            "new_note": stay.note,
        }
        for stay in stays
    ]
    here = (a.target_id == target_id, a.source_id == bindparam("row_source"), a.member == bindparam("row_member"))
    await db.execute(
        update(t.agenda).where(*here).values(due_at=bindparam("new_due"), note=bindparam("new_note")),
        [{key: value for key, value in row.items() if key != "row_stamp"} for row in rows],
    )
    stamped = [
        {key: row[key] for key in ("row_source", "row_member", "row_stamp")}
        for row in rows
        if row["row_stamp"] is not None
    ]
    if stamped:
        await db.execute(update(t.agenda).where(*here, a.stamp == bindparam("row_stamp")).values(stamp=None), stamped)


async def rest_on(db: AsyncConnection, resting: Sequence[Resting]) -> None:
    """Write down on which records grants rest that stay as they are: a renewal took over. Whether a later loss is a
    surprise is judged by that record."""
    await db.execute(
        update(t.ledger)
        .where(t.ledger.c.id == bindparam("row"))
        .values(record=bindparam("new_record"), rule=bindparam("new_rule")),
        [{"row": one.grant_id, "new_record": one.record, "new_rule": one.rule} for one in resting],
    )


async def write_outcomes(db: AsyncConnection, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write down what came of the intents."""
    c = t.ledger.c
    events: list[dict[str, Any]] = []
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for outcome in outcomes:
        intent, change = outcome.intent, outcome.intent.change
        values = _values(outcome, now=now)
        alike.setdefault(tuple(sorted(values)), []).append({**values, "row": intent.grant_id})
        if not outcome.news or isinstance(outcome.error, NotYet):
            continue
        events.append(
            {
                "grant_id": intent.grant_id,
                "at": now,
                "what": _event(outcome),
                "opens": _opens_text(change.opens),
                "valid_from": change.valid_from,
                "valid_until": change.valid_until,
                "text": redact.mask(str(outcome.error) if outcome.error is not None else change.reason.text),
            }
        )
    for names, rows in alike.items():
        statement = update(t.ledger).where(c.id == bindparam("row")).values({name: bindparam(name) for name in names})
        await db.execute(statement, rows)
    if events:
        await db.execute(insert(t.ledger_event), events)


def _event(outcome: Outcome) -> str:
    if outcome.error is not None:
        return "failed"
    if outcome.revoked is not None:
        return "removed" if outcome.revoked.confirmed else "asked"
    if outcome.granted is not None and not outcome.granted.confirmed:
        return "asked"
    return "created" if outcome.intent.change.action is Action.CREATE else "changed"


def _values(outcome: Outcome, *, now: datetime) -> dict[str, Any]:
    change = outcome.intent.change
    notes = (
        json.dumps([{"code": n.code, "text": n.text, "fix": n.fix} for n in outcome.notes]) if outcome.notes else None
    )
    common: dict[str, Any] = {"changed_at": now, "notes": notes}
    if outcome.person_id is not None:
        common["person_id"] = outcome.person_id
    if outcome.error is not None:
        if isinstance(outcome.error, VendorError) and outcome.error.made is not None:
            common["vendor_id"] = outcome.error.made
        return {**common, **_failure(outcome, now=now)}
    fine = {**common, "error": None, "attempts": 0, "next_try_at": None, "asked_at": None}
    if outcome.revoked is not None:
        if not outcome.revoked.confirmed:
            return {**common, **_unconfirmed(outcome, outcome.revoked.waiting, now=now), "state": "removing"}
        return {
            **fine,
            "state": "removed",
            "settled": True,
            "applied": None,
            "drift": None,
            "removed_at": now,
            "sealed_code": None,
            "code_print": None,
            "sealed_url": None,
        }
    granted = outcome.granted
    assert granted is not None and change.after is not None  # noqa: S101, PT018 - neither error nor revoked
    done = {
        **fine,
        **outcome.sealed,
        "vendor_id": granted.vendor_id,
        "admin_url": granted.admin_url,
        "opens": _opens_text(change.after.opens),
        "valid_from": change.valid_from,
        "valid_until": change.valid_until,
        "drift": None,
    }
    if not granted.confirmed:
        return {**done, **_unconfirmed(outcome, granted.waiting, now=now), "state": _WAITS[change.action]}
    return {**done, "state": "active", "settled": True, "applied": encode_wanted(change.after)}


def _unconfirmed(outcome: Outcome, waiting: g.Note | None, *, now: datetime) -> dict[str, Any]:
    """What the vendor accepted and has yet to show: since when, and what for. Attempts that failed before stay counted
    until it is confirmed."""
    detail = {"code": waiting.code, "what": waiting.text, "said": "", "fix": waiting.fix} if waiting else None
    return {
        "error": json.dumps(detail) if detail else None,
        "attempts": outcome.intent.attempts,
        "next_try_at": now + UNCONFIRMED_RETRY,
        "asked_at": outcome.intent.asked_at,
    }


def _failure(outcome: Outcome, *, now: datetime) -> dict[str, Any]:
    error, intent = outcome.error, outcome.intent
    what = error.what if isinstance(error, HubError) else str(error)
    detail = {
        "code": error.code if isinstance(error, HubError) else "error",
        "what": redact.mask(what),
        "said": redact.mask(error.said) if isinstance(error, HubError) else "",
        "fix": redact.mask(error.fix) if isinstance(error, HubError) else "",
    }
    if isinstance(error, NotYet):
        # It says nothing about an earlier call whose answer was lost, or that the vendor accepted.
        known = intent.uncertain or intent.waiting
        return {
            "error": json.dumps(detail),
            "next_try_at": max(error.at or now, now + RETRY_SILENCE),
            "state": "unknown" if intent.uncertain else _WAITS[intent.change.action] if known else "requested",
            "settled": False,
            "asked_at": intent.asked_at if known else None,
        }
    attempts = intent.attempts + 1
    if detail["code"] == CODE_TAKEN and attempts <= MOST_DRAWS:
        # Another code may do; nothing was made.
        return {
            "error": json.dumps(detail),
            "attempts": attempts,
            "next_try_at": now,
            "state": "failed",
            "settled": False,
            "asked_at": None,
        }
    wait = min(FIRST_RETRY * 2 ** min(attempts - 1, 12), LONGEST_RETRY)
    if isinstance(error, FixRecord | Refused):
        # A person has to change something first; looking once an hour is enough.
        wait = max(wait, timedelta(hours=1))
    elif isinstance(error, RetryLater):
        # It says nothing about this grant. The lane leaves a vendor alone that is down; when it is back, nobody is to
        # stand at a closed door for hours because of how often it was asked.
        wait = min(wait, RETRY_SILENCE)
    if intent.waiting and isinstance(error, RetryLater):
        # The vendor accepted it; that it could not be looked at changes nothing about that.
        return {
            "error": json.dumps(detail),
            "attempts": attempts,
            "next_try_at": now + wait,
            "state": _WAITS[intent.change.action],
            "settled": False,
            "asked_at": intent.asked_at,
        }
    uncertain = isinstance(error, Unconfirmed | PluginError) or (
        intent.uncertain
        # What is to be taken back and has no id yet was found there, or the vendor would not have refused.
        and (not isinstance(error, FixRecord | Refused) or (intent.change.after is None and intent.vendor_id is None))
    )
    return {
        "error": json.dumps(detail),
        "attempts": attempts,
        "next_try_at": now if isinstance(error, Unconfirmed) else now + wait,
        "state": "unknown" if uncertain else "failed",
        "settled": False,
        # Counted from the loss, not from the intent: a slow vendor may have needed long to lose it.
        "asked_at": (now if isinstance(error, Unconfirmed | PluginError) else intent.asked_at) if uncertain else None,
    }


async def links_of(
    db: AsyncConnection, target_id: int, members: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Any]:
    """The links of members at a target, by (source id, member)."""
    by_source: dict[int, list[str]] = {}
    for source_id, member in members:
        by_source.setdefault(source_id, []).append(member)
    found: dict[tuple[int, str], Any] = {}
    c = t.link.c
    for source_id, names in by_source.items():
        query = select(t.link).where(c.target_id == target_id, c.source_id == source_id, among(c.member, names, db))
        found |= {(row.source_id, row.member): row for row in await db.execute(query)}
    return found


async def forget_people(db: AsyncConnection, target_id: int, members: Sequence[tuple[int, str]]) -> None:
    """The vendor no longer has these people: the next pass makes them anew. Links by hand stay, and are looked at
    again: who named them may have to name somebody else."""
    link, row = t.link.c, t.ledger.c
    for source_id, member in members:
        here = (link.target_id == target_id, link.source_id == source_id, link.member == member)
        await db.execute(update(t.link).where(*here, link.by_hand.is_(False)).values(state="gone", vendor_id=None))
        await db.execute(update(t.link).where(*here, link.by_hand.is_(True)).values(state="asked", profile=None))
        grants = (
            row.target_id == target_id,
            row.source_id == source_id,
            row.member == member,
            row.key == GROUP_KEY,
        )
        await db.execute(update(t.ledger).where(*grants, row.state != "removed").values(person_id=None, vendor_id=None))


async def save_links(db: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or update links; every row has the same columns."""
    if rows:
        update_columns = [name for name in rows[0] if name not in {"target_id", "source_id", "member"}]
        await upsert(db, t.link, rows, key=("target_id", "source_id", "member"), update=update_columns)
