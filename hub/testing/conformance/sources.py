"""What is asked of a booking system: a read is complete or it is no evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.records import KINDS, Booking, BookingState, MemberPass, PassState, Window
from hub.testing.conformance.bench import Bench, Found
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.network import other_word
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["SourceKit"]

LARGEST_PAGE = 1000
_MEANT = {"member_id": "member", "pass_id": "pass", "community_id": "community", "session_id": "session"}
"""Fields that name another record of the same source."""

booking = ["booking"]


class SourceKit(Kit):
    """Plugins of the kind `booking`."""

    async def _whole(self, bench: Bench) -> Found:
        found = await bench.read()
        if found.error is not None:
            raise Broken(f"reading everything ends with {type(found.error).__name__}: {found.error}")
        return found

    @promise(kinds=booking)
    async def test_a_whole_read_ends_with_one_mark(self) -> None:
        """Of every kind that was sent it says that it is complete, or why it is not."""
        async with self.vendor() as bench:
            found = await self._whole(bench)
            expect(found.records, "reading the furnished simulator gives no record")
            expect(len(found.marks) == 1, f"a read ends with one Complete; this one had {len(found.marks)}")
            expect(not found.after_mark, "Complete is the last item of a read; something came after it")
            (mark,) = found.marks
            vouched = mark.kinds & found.records.keys()
            expect(vouched or mark.why_not, "the mark says of nothing that it is complete, and not why")
            for kind in found.records.keys() & {"member", "member_pass"}:
                told = kind in mark.kinds or kind in mark.why_not
                expect(told, f"{kind} was read, and the mark says neither that it is complete nor why not")
            unknown = mark.kinds - KINDS.keys()
            expect(not unknown, f"the mark names kinds that there are not: {', '.join(sorted(unknown))}")

    @promise(kinds=booking)
    async def test_records_are_canonical(self) -> None:
        """Ids are text and stand once, times are aware and in UTC, a page holds one kind and not too much."""
        async with self.vendor() as bench:
            found = await self._whole(bench)
            expect(not found.misplaced, f"a page holds records of its own kind only: {found.misplaced[:1]}")
            expect(found.largest <= LARGEST_PAGE, f"a page holds a few hundred records, not {found.largest}")
            for kind, records in found.records.items():
                for record in records:
                    expect(type(record.id) is str and record.id != "", f"the id of a {kind} is {record.id!r}, not text")
                    for name in record.__struct_fields__:
                        _expect_time(f"{kind} {record.id}: {name}", getattr(record, name))
                several = len({(record.id, record) for record in records}) - len(found.ids(kind))
                expect(not several, f"the id of a {kind} comes twice in one read, with different content")

    @promise(kinds=booking)
    async def test_what_records_name_is_there(self) -> None:
        """A pass that somebody holds, and the member who holds it, are read too."""
        async with self.vendor() as bench:
            found = await self._whole(bench)
            for kind, records in found.records.items():
                for name, other in _MEANT.items():
                    if other not in found.complete:
                        continue
                    known = found.ids(other)
                    for record in records:
                        meant = getattr(record, name, None)
                        lost = f"{kind} {record.id} names the {other} {meant}, which a complete read did not send"
                        expect(meant is None or meant in known, lost)

    @promise(kinds=booking)
    async def test_reading_twice_says_the_same(self) -> None:
        """What did not change at the source does not change in the records, so nothing is done because of it."""
        async with self.vendor() as bench:
            first = await self._whole(bench)
            bench.settle()
            bench.restart()
            second = await self._whole(bench)
            for kind, records in first.records.items():
                same = {one.id: one for one in second.records.get(kind, [])} == {one.id: one for one in records}
                expect(same, f"{kind}: a second read says something else although nothing changed")

    @promise(kinds=booking)
    async def test_a_broken_off_read_is_never_complete(self) -> None:
        """Whatever breaks: a kind of which something is missing is not said to be complete."""
        async with self.vendor() as bench:
            whole = await self._whole(bench)
        for name, break_off in self.interruptions():
            if self.excused("test_a_broken_off_read_is_never_complete", name):
                continue
            async with self.vendor() as bench:
                break_off(bench)
                found = await bench.read()
                for kind in found.complete:
                    missing = whole.ids(kind) - found.ids(kind)
                    few = f"{name}: the read says that {kind} is complete, and {len(missing)} are missing"
                    expect(not missing, few)

    @promise(kinds=booking, network=True)
    async def test_a_read_changes_nothing(self) -> None:
        """A booking system is read, never written to."""
        async with self.vendor() as bench:
            before = bench.tables()
            await self._whole(bench)
            changed = [name for name, table in bench.tables().items() if before[name] != table]
            expect(not changed, f"reading changed {', '.join(changed)} at the vendor")

    @promise(kinds=booking)
    async def test_asking_for_some_kinds_gives_those(self) -> None:
        """The hub reads each part on a clock of its own; the others are not said to be complete by it."""
        async with self.vendor() as bench:
            whole = await self._whole(bench)
            for kind in sorted(whole.records):
                found = await bench.read(Window(kinds=frozenset({kind})))
                expect(found.error is None, f"asked for {kind} only, the read ends with an error: {found.error}")
                extra = found.complete - {kind} - found.records.keys()
                expect(not extra, f"asked for {kind}, it says that {', '.join(sorted(extra))} is complete, unread")
                if kind in whole.complete:
                    missing = whole.ids(kind) - found.ids(kind)
                    expect(not missing, f"asked for {kind} only, {len(missing)} of them are missing")

    @promise(kinds=booking)
    async def test_asking_for_one_member_gives_theirs(self) -> None:
        """A read after a hint gives what is known of that member, and concludes nothing about the others."""
        async with self.vendor() as bench:
            whole = await self._whole(bench)
            members = sorted(whole.ids("member"))[:1]
            found = await bench.read(Window(members=frozenset(members)))
            expect(found.error is None, f"a read of one member ends with an error: {found.error}")
            for kind in ("member", "member_pass", "badge"):
                theirs = {one.id for one in whole.records.get(kind, []) if one.owner in members}
                missing = theirs - found.ids(kind)
                expect(not missing, f"asked for member {members}, their {kind} {sorted(missing)} was not sent")
            gone = {kind: ids & whole.ids(kind) for kind, ids in found.gone.items()}
            expect(not any(gone.values()), "a read of one member says that somebody else's records are gone")

    @promise(kinds=booking, network=True)
    async def test_a_word_never_seen_before_opens_nothing(self) -> None:
        """A booking whose state nobody knows is not confirmed, and a pass not active."""
        async with self.vendor() as bench:
            whole = await self._whole(bench)
        for word in self.words:
            async with self.vendor() as bench:
                touched = _Touched(other_word(word))
                bench.wire.change = touched
                found = await bench.read()
                if touched.count:
                    self._expect_closed(word, whole, found)

    def _expect_closed(self, word: str, whole: Found, found: Found) -> None:
        """Nothing opens any more of a kind of which every record had its state replaced."""
        for kind in ("member_pass", "booking"):
            if self.excused("test_a_word_never_seen_before_opens_nothing", kind):
                continue
            before = [one for one in whole.records.get(kind, []) if _opens(one)]
            opens = [one.id for one in found.records.get(kind, []) if _opens(one)]
            still = f"{kind} {opens[:1]} opens doors although its {word} at the source is a word that nobody knows"
            expect(not before or not opens, still)


class _Touched:
    """Counts the answers that a change really changed."""

    def __init__(self, change: Any) -> None:
        self.change = change
        self.count = 0

    def __call__(self, answered: Any) -> Any:
        changed = self.change(answered)
        self.count += changed is not None and b"never_seen_before" in changed[1]
        return changed


def _opens(record: Any) -> bool:
    if isinstance(record, MemberPass):
        return record.state is PassState.ACTIVE
    return isinstance(record, Booking) and record.state in {BookingState.CONFIRMED, BookingState.CHECKED_IN}


def _expect_time(where: str, value: Any) -> None:
    if isinstance(value, datetime):
        offset = value.utcoffset()
        expect(offset is not None and not offset, f"{where} is {value}, which is not aware and in UTC")
