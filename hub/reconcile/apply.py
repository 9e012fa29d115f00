"""Carrying out a plan, slice by slice: intent committed, vendor called, answer committed.

A slice is small, so that the lane can be left between two of them. One grant's failure never stops the others; only
credentials that are refused, or a vendor that answers nobody, end the pass early.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import logs
from hub import records as r
from hub.access.decide import Wanted
from hub.engine.lanes import Lease
from hub.errors import (
    Conflict,
    FixSettings,
    HubError,
    NotFound,
    NotYet,
    PluginError,
    RetryLater,
    Unconfirmed,
    VendorError,
)
from hub.events import AccessChanged
from hub.http import LONGEST_PAUSE
from hub.plugins import Ability
from hub.reconcile import ledger
from hub.reconcile.codes import codes_for, members_of, seal_answer
from hub.reconcile.ledger import Intent, Outcome
from hub.reconcile.observe import UNGRANTED
from hub.reconcile.plan import Action, Change, Plan, Resting, Stay
from hub.reconcile.scope import Scope
from hub.reconcile.telling import tell_late, tell_visitors
from hub.store import journal
from hub.words import counted

__all__ = ["Applied", "apply_plan"]

DOWN_AFTER = 5
"""So many grants in a row that the vendor did not answer end the pass: it is down."""

ASKED = "asked"
"""What is counted that a vendor accepted and has yet to show."""

SILENCE = frozenset({"vendor_busy", "vendor_down", "vendor_garbage"})
"""Codes that say nothing about one grant and everything about the vendor."""

SHOWN_WITHIN = timedelta(minutes=1)
"""So long a vendor may take to show a person whose creation it has confirmed."""

_PERSON_FIELDS = frozenset(g.Person.__struct_fields__)


@dataclass
class Applied:
    """What came of a plan."""

    done: dict[str, int] = field(default_factory=dict)
    failed: list[Outcome] = field(default_factory=list)
    stopped_by: Exception | None = None
    left: int = 0
    """So many lines were not come to."""
    left_off: bool = False
    waiting: int = 0
    """So many were accepted by the vendor, which has yet to show them."""

    def count(self, outcome: Outcome) -> None:
        """One more went well. What is only accepted so far counts as asked for, until it is confirmed."""
        if outcome.confirmed:
            self._add(outcome.intent.change.action.value, 1)
            self._add(ASKED, -1 if outcome.intent.waiting else 0)
        elif outcome.news:
            self._add(ASKED, 1)

    def _add(self, what: str, number: int) -> None:
        if number:
            self.done[what] = self.done.get(what, 0) + number

    @property
    def progress(self) -> int:
        """How many lines went well."""
        return sum(count for count in self.done.values() if count > 0)


@dataclass
class _Apply:
    scope: Scope
    lease: Lease
    run_id: str
    result: Applied
    silent: int = 0
    fresh: set[str] = field(default_factory=set)
    not_there: set[tuple[str, str]] = field(default_factory=set)
    """Visits that could not be given, or do not stand yet: what is to be ended after them waits."""
    tell: Callable[[int], None] = lambda done: None
    """Told after each line of a slice how many of it are through."""


async def apply_plan(
    scope: Scope,
    plan: Plan,
    stays: Sequence[Stay],
    *,
    lease: Lease,
    run_id: str,
    resting: Sequence[Resting] = (),
    leave: Callable[[], Awaitable[bool]] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Applied:
    """Do everything in the plan that is not held or blocked. Never raises for a single grant. `leave` is asked after
    each slice whether to leave off."""
    work = _Apply(scope, lease, run_id, Applied())
    await _put_by(work, plan, stays)
    for start in range(0, len(resting), 500):
        async with scope.database.write() as db:
            await lease.check(db)
            await ledger.rest_on(db, resting[start : start + 500])
    await tell_late(scope, lease)
    todo = plan.to_do
    done = 0
    if todo:
        progress(0, len(todo))
    for part in _slices(todo, scope.plugin.slice_size):
        if work.result.stopped_by is not None:
            work.result.left = len(todo) - done
            break
        work.tell = partial(_told, progress, done, len(todo))
        await _slice(work, [line for line in part if not _waits_for(line, work.not_there)])
        done += len(part)
        progress(done, len(todo))
        if done < len(todo) and leave is not None and await leave():
            work.result.left, work.result.left_off = len(todo) - done, True
            break
    if work.result.stopped_by is None and work.result.failed and not work.result.done:
        silent = [outcome.error for outcome in work.result.failed if _is_silence(outcome.error)]
        if len(silent) == len(work.result.failed):
            # Too few for the limit, and still the vendor answered nobody.
            work.result.stopped_by = silent[-1]
    return work.result


def _told(progress: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _slices(todo: Sequence[Change], size: int) -> Iterator[list[Change]]:
    """Cut into slices; a line that has to wait for another begins a new one."""
    part: list[Change] = []
    keys: set[tuple[str, str]] = set()
    for line in todo:
        if len(part) == size or _waits_for(line, keys):
            yield part
            part, keys = [], set()
        part.append(line)
        keys.add((line.ref, line.key))
    if part:
        yield part


def _waits_for(line: Change, keys: Collection[tuple[str, str]]) -> bool:
    return any((line.ref, key) in keys for key in line.follows)


def _is_silence(error: Exception | None) -> bool:
    return isinstance(error, RetryLater) and error.code in SILENCE


async def _put_by(work: _Apply, plan: Plan, stays: Sequence[Stay]) -> None:
    """Take off the agenda who needs nothing, and note who is held or blocked."""
    waiting = [
        Stay(change.source_id, change.member, change.stamp, change.due_at, change.note)
        for change in plan.of(Action.HELD, Action.BLOCKED)
    ]
    everything = [*stays, *waiting]
    for start in range(0, len(everything), 500):
        async with work.scope.database.write() as db:
            await work.lease.check(db)
            await ledger.carry_out_stays(db, work.scope.target_id, everything[start : start + 500])


async def _slice(work: _Apply, changes: Sequence[Change]) -> None:
    if not changes:
        return
    scope = work.scope
    now = scope.connection.clock.now()
    people: list[g.Person] = []
    async with scope.database.write() as db:
        await work.lease.check(db)
        of_people = [change for change in changes if not change.visit]
        links = await ledger.links_of(db, scope.target_id, [(c.source_id, c.member) for c in of_people])
        by_hand = {
            change.ref
            for change in of_people
            if scope.can(Ability.OBSERVE) and _by_hand(scope, change.ref, links.get((change.source_id, change.member)))
        }
        codes = await codes_for(db, scope, changes)
        visitors = await members_of(db, [change for change in changes if change.visit and change.after is not None])
        every = await ledger.write_intents(
            db,
            scope.studio.id,
            scope.target_id,
            changes,
            now=now,
            token=work.lease.token,
            look_first=by_hand,
            codes=codes,
        )
        every = await ledger.with_others(db, scope.target_id, every)
    visits = [intent for intent in every if intent.change.visit]
    intents, moved = await _leave_former(work, [intent for intent in every if not intent.change.visit], links)
    if scope.can(Ability.PEOPLE):
        async with scope.database.write() as db:
            await work.lease.check(db)
            people = await _intend_people(work, db, [i for i in intents if i.change.ref not in moved], links)
    errors: dict[str, Exception] = {}
    ids: dict[str, str] = {
        intent.change.ref: link.vendor_id
        for intent in intents
        if (link := links.get((intent.change.source_id, intent.change.member))) is not None and link.vendor_id
    }
    if people:
        made, errors = await _sync_people(work, intents, people, links)
        ids |= made
        work.fresh = set(made)
    errors |= moved
    outcomes: list[Outcome] = []
    for intent in await _look_at_by_hand(work, intents, by_hand, ids, errors):
        link = links.get((intent.change.source_id, intent.change.member))
        with logs.bind(member=intent.change.ref):
            outcome = await _one(work, intent, ids.get(intent.change.ref), errors.get(intent.change.ref), link)
        outcomes.append(outcome)
        work.tell(len(outcomes))
        if work.result.stopped_by is not None:
            break
    for intent in visits if work.result.stopped_by is None else ():
        with logs.bind(member=intent.change.ref):
            outcomes.append(await _one_visit(work, intent, visitors.get(intent.change.ref)))
        work.tell(len(outcomes))
        if work.result.stopped_by is not None:
            break
    touched = {id(outcome.intent.change) for outcome in outcomes}
    untouched = [intent for intent in (*intents, *visits) if id(intent.change) not in touched]
    outcomes += [Outcome(intent, error=work.result.stopped_by) for intent in untouched]
    work.not_there |= {
        (outcome.intent.change.ref, outcome.intent.change.key)
        for outcome in outcomes
        if outcome.intent.change.visit and not (outcome.granted is not None and outcome.confirmed)
    }
    await _write(work, outcomes, visitors)


def _by_hand(scope: Scope, ref: str, link: Any) -> bool:
    """Whether the member's person was made by hand. They stay it when the row that links them is taken away."""
    return ref in scope.rules.links or (link is not None and bool(link.by_hand))


async def _leave_former(
    work: _Apply, intents: Sequence[Intent], links: dict[tuple[int, str], Any]
) -> tuple[list[Intent], dict[str, Exception]]:
    """Where an admin named another person for a member, take from the former one what the hub gave, before that one is
    forgotten. Returns the intents, and why some could not be done: those members stay with the former person."""
    scope = work.scope
    after: list[Intent] = []
    errors: dict[str, Exception] = {}
    for intent in intents:
        change = intent.change
        link = links.get((change.source_id, change.member))
        named = scope.rules.links.get(change.ref)
        former = link.vendor_id if link is not None else None
        if change.after is None or change.grant_id is None or link is None or None in {named, former}:
            after.append(intent)
            continue
        if named == former:
            after.append(intent)
            continue
        grant = msgspec.structs.replace(
            _grant(scope, intent, former, link), person_id=former, person_by_hand=link.by_hand
        )
        try:
            gone = await scope.plugins.call(scope.connection, "revoke_access", grant=grant)
            if not gone.confirmed:
                raise RetryLater(f"{scope.name} does not show yet that access of person {former} is taken back")
        except NotFound:
            pass
        except HubError as error:
            errors[change.ref] = error
            after.append(intent)
            continue
        none: frozenset[str] = frozenset()
        after.append(replace(intent, our_groups=none, our_badges=none, person_id=None))
    return after, errors


async def _look_at_by_hand(
    work: _Apply,
    intents: Sequence[Intent],
    by_hand: Collection[str],
    ids: dict[str, str],
    errors: dict[str, Exception],
) -> list[Intent]:
    """Look at people who were made by hand before giving them anything: what stands there and was not ours before does
    not become ours, so it is never taken back. Written down before the vendor is called."""
    scope = work.scope
    after: list[Intent] = []
    for intent in intents:
        change, wanted = intent.change, intent.change.after
        person_id = ids.get(change.ref)
        if wanted is None or change.ref not in by_hand or change.ref in errors or person_id is None:
            after.append(intent)
            continue
        groups: set[str | None] = {wanted.opens.group} - {None}
        badges = {badge.number for badge in wanted.badges}
        try:
            async for page in scope.plugins.read(scope.connection, "observe_access", only=[person_id]):
                for observed in page:
                    groups -= {observed.opens.group} if observed.opens is not None else set()
                    badges -= observed.badges
        except NotFound:
            pass
        except HubError as error:
            errors[change.ref] = error
            after.append(intent)
            continue
        ours = replace(
            intent,
            our_groups=intent.our_groups | {str(group) for group in groups},
            our_badges=intent.our_badges | badges,
        )
        async with scope.database.write() as db:
            await work.lease.check(db)
            await ledger.write_ours(db, ours)
        after.append(ours)
    return after


async def _intend_people(
    work: _Apply, db: AsyncConnection, intents: Sequence[Intent], links: dict[tuple[int, str], Any]
) -> list[g.Person]:
    """The people of a slice that the vendor has to be told about, written down as asked for."""
    scope = work.scope
    now = scope.connection.clock.now()
    people: list[g.Person] = []
    rows: list[dict[str, Any]] = []
    for intent in intents:
        change, wanted = intent.change, intent.change.after
        if wanted is None:
            continue
        link = links.get((change.source_id, change.member))
        named = scope.rules.links.get(change.ref)
        profile = _profile_text(wanted)
        asked_at, asked_before = now, False
        if link is not None:
            known = link.state == "linked" and link.vendor_id is not None
            if known and link.profile == profile and named in {None, link.vendor_id}:
                continue
            asked_before = link.state == "asked" and link.vendor_id is None
            asked_at = link.asked_at if asked_before else now
        vendor_id = named or (link.vendor_id if link is not None else None)
        people.append(
            _person(scope, change, vendor_id, by_hand=named is not None, look_first=asked_before, asked_at=asked_at)
        )
        rows.append(
            {
                "target_id": scope.target_id,
                "source_id": change.source_id,
                "member": change.member,
                "vendor_id": vendor_id,
                "by_hand": _by_hand(scope, change.ref, link),
                "state": "asked",
                "asked_at": asked_at,
            }
        )
    await ledger.save_links(db, rows)
    return people


def _profile_text(wanted: Wanted) -> str:
    return msgspec.json.encode(wanted.profile, order="deterministic").decode()


def _person(
    scope: Scope, change: Change, vendor_id: str | None, *, by_hand: bool, look_first: bool, asked_at: Any
) -> g.Person:
    assert change.after is not None  # noqa: S101 - only asked for changes that want something
    fields = {name: value for name, value in change.after.profile.items() if name in _PERSON_FIELDS}
    if isinstance(fields.get("birth_date"), str):
        fields["birth_date"] = date.fromisoformat(fields["birth_date"])
    return g.Person(
        member=change.ref,
        marker=scope.connection.marker(change.ref),
        vendor_id=vendor_id,
        by_hand=by_hand,
        look_first=look_first,
        sure_after=asked_at + timedelta(seconds=scope.plugin.settle) if look_first else None,
        valid_from=change.valid_from,
        valid_until=change.after.valid_until,
        **{"given_name": "", "family_name": "", **fields},
    )


async def _sync_people(
    work: _Apply, intents: Sequence[Intent], people: Sequence[g.Person], links: dict[tuple[int, str], Any]
) -> tuple[dict[str, str], dict[str, Exception]]:
    """Tell the vendor about people, and write down at once what it answered."""
    scope = work.scope
    by_ref = {intent.change.ref: intent.change for intent in intents}
    outcomes: Sequence[g.PersonOutcome]
    try:
        outcomes = await scope.plugins.call(scope.connection, "sync_members", people=people)
    except HubError as error:
        outcomes = [g.Failed(member=person.member, error=error) for person in people]
    now = scope.connection.clock.now()
    ids: dict[str, str] = {}
    errors: dict[str, Exception] = {
        person.member: PluginError(f"plugin {scope.plugin.name} said nothing about {person.member}")
        for person in people
    }
    by_hand = {
        ref: _by_hand(scope, ref, links.get((change.source_id, change.member))) for ref, change in by_ref.items()
    }
    vendor_ids = {person.member: person.vendor_id for person in people}
    looked = {person.member: person.look_first for person in people}
    asked_at = {
        person.member: person.sure_after - timedelta(seconds=scope.plugin.settle) if person.sure_after else now
        for person in people
    }
    notes: list[tuple[str, g.Note]] = []
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        change = by_ref[outcome.member]
        errors.pop(outcome.member, None)
        row: dict[str, Any] = {
            "target_id": scope.target_id,
            "source_id": change.source_id,
            "member": change.member,
            "vendor_id": vendor_ids[outcome.member],
            "by_hand": by_hand[outcome.member],
            "state": "asked",
            "profile": None,
            "note": None,
            "asked_at": asked_at[outcome.member],
            "linked_at": None,
        }
        if isinstance(outcome, g.Link):
            assert change.after is not None  # noqa: S101 - people are only sent for changes that want something
            ids[outcome.member] = outcome.vendor_id
            row |= {
                "vendor_id": outcome.vendor_id,
                # A person whom the plugin made anew was not made by hand, whoever was there before.
                "by_hand": by_hand[outcome.member] and outcome.vendor_id == vendor_ids[outcome.member],
                "state": "linked",
                "profile": _profile_text(change.after),
                "linked_at": now,
            }
            notes += [(outcome.member, note) for note in outcome.notes]
        elif isinstance(outcome, g.PersonConflict):
            errors[outcome.member] = Conflict(outcome.text, fix=outcome.fix, code=outcome.code)
            row |= {"state": "conflict", "note": outcome.text}
        else:
            errors[outcome.member] = outcome.error
            row |= {"state": "asked" if _may_exist(outcome.error, looked[outcome.member]) else "new"}
            if not isinstance(outcome.error, RetryLater):
                # Counted from the loss, not from the intent: a slow vendor may have needed long to lose it.
                row |= {"asked_at": now}
        rows.append(row)
    async with scope.database.write() as db:
        await work.lease.check(db)
        await ledger.save_links(db, rows)
        for member, note in notes:
            await _raise_note(scope, db, f"{member} @ {scope.name}", note)
    return ids, errors


def _may_exist(error: Exception, looked: bool) -> bool:
    """Whether a person may have been created although the call failed, so that the next one has to look first."""
    if isinstance(error, RetryLater):
        return looked
    return isinstance(error, Unconfirmed) or not isinstance(error, VendorError)


async def _one(
    work: _Apply, intent: Intent, person_id: str | None, person_error: Exception | None, link: Any
) -> Outcome:
    """Grant or revoke one."""
    scope, change = work.scope, intent.change
    outcome = Outcome(intent, person_id=person_id)
    try:
        if change.after is None:
            if scope.can(Ability.PEOPLE) and person_id is None and intent.person_id is None and link is None:
                outcome.revoked = g.Revoked()
            else:
                outcome.revoked = await scope.plugins.call(
                    scope.connection, "revoke_access", grant=_grant(scope, intent, person_id, link)
                )
        elif person_error is not None:
            raise person_error
        else:
            outcome.granted = await scope.plugins.call(
                scope.connection, "grant_access", grant=_grant(scope, intent, person_id, link)
            )
        work.silent = 0
        _judge(work, outcome)
    except NotFound as error:
        outcome.error = _not_there(work, outcome, link, error)
    except HubError as error:
        _take_error(work, outcome, error)
    return outcome


async def _one_visit(work: _Apply, intent: Intent, member: r.Member | None) -> Outcome:
    """Give or end one window on doors."""
    scope = work.scope
    outcome = Outcome(intent)
    grant = _visit(scope, intent, member)
    try:
        if intent.change.after is None:
            outcome.revoked = await scope.plugins.call(scope.connection, "revoke_access", grant=grant)
        else:
            outcome.granted = await scope.plugins.call(scope.connection, "grant_access", grant=grant)
            outcome.sealed = seal_answer(scope, outcome.granted, intent.code)
        work.silent = 0
        _judge(work, outcome)
    except HubError as error:
        _take_error(work, outcome, error)
    return outcome


def _judge(work: _Apply, outcome: Outcome) -> None:
    """Raise RetryLater for what the vendor accepted long ago and still does not show. A window that is over opens
    nothing, whatever the vendor shows."""
    scope, intent = work.scope, outcome.intent
    now, until = scope.connection.clock.now(), intent.change.valid_until
    if outcome.confirmed or not intent.waiting or (intent.change.visit and until is not None and until <= now):
        return
    since = now - intent.asked_at
    if since < scope.plugin.confirms_within:
        return
    done = outcome.granted or outcome.revoked
    waiting = done.waiting if done is not None else None
    raise RetryLater(
        f"{scope.name} accepted it {counted(int(since.total_seconds() // 60), 'minute')} ago and does not show that it "
        "is done",
        said=waiting.text if waiting is not None else "",
        fix=(waiting.fix if waiting is not None else "")
        or f"Look at {scope.plugin.title} yourself; the hub goes on looking.",
        code="not_confirmed",
    )


def _take_error(work: _Apply, outcome: Outcome, error: HubError) -> None:
    """Note what went wrong, and whether it ends the pass."""
    if isinstance(error, NotYet) and outcome.intent.change.action is Action.REMOVE:
        # It may wait for good reasons; meanwhile a door opens, and that is never said in a low voice.
        error = RetryLater(error.what, said=error.said, fix=error.fix, code=error.code)
    outcome.error = error
    if isinstance(error, FixSettings):
        work.result.stopped_by = error
    elif isinstance(error, RetryLater) and _is_silence(error):
        work.silent += 1
        if work.silent >= DOWN_AFTER or (error.after is not None and error.after > LONGEST_PAUSE):
            work.result.stopped_by = error
    else:
        work.silent = 0


def _not_there(work: _Apply, outcome: Outcome, link: Any, error: NotFound) -> RetryLater:
    """The vendor doesn't know the person. Somebody made a moment ago may just not be shown yet; anybody else is made
    again."""
    scope, change = work.scope, outcome.intent.change
    name, now = change.name, scope.connection.clock.now()
    linked_at = now if change.ref in work.fresh else link.linked_at if link is not None else None
    if linked_at is not None and now < linked_at + SHOWN_WITHIN:
        young = linked_at + SHOWN_WITHIN - now
        return RetryLater(f"{name} is not shown at {scope.name} yet", said=error.said, code="settling", after=young)
    outcome.person_gone = scope.can(Ability.PEOPLE)
    return RetryLater(
        f"{name} is no longer at {scope.name}", said=error.said, fix="The person is made again.", code="person_gone"
    )


def _grant(scope: Scope, intent: Intent, person_id: str | None, link: Any) -> g.Grant:
    change = intent.change
    wanted = change.after or change.before
    return g.Grant(
        id=intent.grant_id,
        member=change.ref,
        opens=wanted.opens if wanted is not None else change.opens,
        marker=scope.connection.marker(change.ref),
        valid_from=change.valid_from,
        valid_until=wanted.valid_until if wanted is not None else change.valid_until,
        person_id=person_id or intent.person_id,
        person_by_hand=bool(link is not None and link.by_hand) or change.ref in scope.rules.links,
        vendor_id=intent.vendor_id,
        tag=scope.connection.tag(intent.grant_id),
        asked_at=intent.asked_at if intent.waiting else None,
        shown=change.before is not None,
        label=change.name,
        badges=wanted.badges if wanted is not None else (),
        our_groups=intent.our_groups,
        our_badges=intent.our_badges,
        look_first=intent.uncertain,
        sure_after=intent.asked_at + timedelta(seconds=scope.plugin.settle) if intent.uncertain else None,
        language=scope.connection.language,
    )


def _visit(scope: Scope, intent: Intent, member: r.Member | None) -> g.Grant:
    change = intent.change
    wanted = change.after or change.before
    return g.Grant(
        id=intent.grant_id,
        member=change.ref,
        opens=change.opens,
        marker=scope.connection.marker(change.ref),
        valid_from=change.valid_from,
        valid_until=change.valid_until,
        vendor_id=intent.vendor_id,
        tag=scope.connection.tag(intent.grant_id),
        asked_at=intent.asked_at if intent.waiting else None,
        shown=change.before is not None,
        label=change.name,
        look_first=intent.uncertain,
        sure_after=intent.asked_at + timedelta(seconds=scope.plugin.settle) if intent.uncertain else None,
        credential=wanted.credential if wanted is not None else None,
        code=intent.code,
        reference=change.reference,
        others=intent.others,
        email=member.email if member is not None else None,
        phone=member.phone if member is not None else None,
        language=(member.language if member is not None else None) or scope.connection.language,
    )


async def _write(work: _Apply, outcomes: Sequence[Outcome], visitors: Mapping[str, r.Member]) -> None:
    scope = work.scope
    now = scope.connection.clock.now()
    lines: list[journal.LogLine] = []
    async with scope.database.write() as db:
        await work.lease.check(db)
        await ledger.write_outcomes(db, outcomes, now=now)
        gone = [(o.intent.change.source_id, o.intent.change.member) for o in outcomes if o.person_gone]
        await ledger.forget_people(db, scope.target_id, gone)
        for outcome in outcomes:
            if outcome.news:
                lines.append(_log_line(work, outcome))
            await _tell_inbox(work, db, outcome)
        await tell_visitors(scope, db, outcomes, visitors, now=now)
        await journal.add_log(db, scope.studio.id, lines, now=now)
    for outcome in outcomes:
        if isinstance(outcome.error, NotYet):
            continue
        if outcome.error is not None:
            work.result.failed.append(outcome)
        else:
            work.result.count(outcome)
        work.result.waiting += outcome.ok and not outcome.confirmed
        if outcome.news and (outcome.confirmed or outcome.error is not None):
            await _tell_observers(work, outcome)


def _log_line(work: _Apply, outcome: Outcome) -> journal.LogLine:
    change, error = outcome.intent.change, outcome.error
    base = {"run_id": work.run_id, "connection": work.scope.name, "member": change.ref}
    if isinstance(error, NotYet):
        return {**base, "level": "info", "code": error.code, "text": f"{change.name} waits: {error.what}"}
    if error is not None:
        return {**base, "level": "error", "code": f"{change.action.value}_failed", "text": str(error)}
    text = f"{change.name}: {change.action.value} {change.opens}. {change.reason.text}"
    if not outcome.confirmed:
        return {**base, "level": "info", "code": ASKED, "text": f"{text} It is to be confirmed."}
    return {**base, "level": "info", "code": change.action.value, "text": text}


async def _tell_inbox(work: _Apply, db: AsyncConnection, outcome: Outcome) -> None:
    scope, change = work.scope, outcome.intent.change
    now = scope.connection.clock.now()
    studio, subject = scope.studio.id, f"{change.ref} @ {scope.name}"
    if change.visit:
        # A member may have several, and that one of them is done says nothing about the others.
        subject = f"{subject}: {outcome.intent.grant_id}"
    removal = change.action is Action.REMOVE
    code = "removal_failed" if removal else "grant_failed"
    if isinstance(outcome.error, NotYet):
        # What waits is told together, at the end of the run.
        return
    if outcome.error is None:
        if outcome.confirmed and (outcome.intent.attempts or outcome.intent.uncertain):
            for either in ("removal_failed", "grant_failed", UNGRANTED):
                await journal.solve(db, studio, code=either, subject=subject, now=now)
    elif outcome.error is not work.result.stopped_by or isinstance(outcome.error, FixSettings):
        error = outcome.error
        what = error.what if isinstance(error, HubError) else str(error)
        said = f" It said: {error.said}" if isinstance(error, HubError) and error.said else ""
        start = (
            f"Access of {change.name} ({change.ref}) could not be removed at {scope.name}, so the door may still open"
            if removal
            else f"{change.name} ({change.ref}) did not get access at {scope.name}"
        )
        fix = (error.fix if isinstance(error, HubError) else "") or f"`studiohub sync {scope.name}` tries again now."
        await journal.raise_item(
            db,
            studio,
            code=code,
            subject=subject,
            connection=scope.name,
            text=f"{start}: {what}.{said}",
            fix=fix,
            weight=0 if removal else 2,
            now=now,
        )
    for note in outcome.notes:
        await _raise_note(scope, db, subject, note)


async def _raise_note(scope: Scope, db: AsyncConnection, subject: str, note: g.Note) -> None:
    """Something that a plugin wants people to know."""
    await journal.raise_item(
        db,
        scope.studio.id,
        code=note.code,
        subject=subject,
        connection=scope.name,
        text=note.text,
        fix=note.fix,
        weight=4,
        now=scope.connection.clock.now(),
    )


async def _tell_observers(work: _Apply, outcome: Outcome) -> None:
    scope, change = work.scope, outcome.intent.change
    if not scope.plugins.observed("access_changed"):
        return
    what = {Action.CREATE: "created", Action.CHANGE: "changed", Action.REMOVE: "removed"}[change.action]
    event = AccessChanged(
        at=scope.connection.clock.now(),
        target=scope.name,
        member=change.ref,
        grant_id=outcome.intent.grant_id,
        what=what if outcome.error is None else "failed",
        opens=str(change.opens),
        reason=change.reason.text,
    )
    complaints: list[journal.LogLine] = []

    def complain(plugin: str, error: Exception) -> None:
        complaints.append({"level": "warning", "code": "observer", "text": f"plugin {plugin}: {error}"})

    await scope.plugins.tell("access_changed", event, on_error=complain)
    if complaints:
        async with scope.database.write() as db:
            await journal.add_log(db, scope.studio.id, complaints, now=scope.connection.clock.now())
