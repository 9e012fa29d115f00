"""What is asked of a lock: a grant stands once, is seen, is taken back, and nothing of others is touched."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from hub import grants as g
from hub.errors import HubError, NotFound, VendorError
from hub.plugins import Ability
from hub.testing.conformance import wishes
from hub.testing.conformance.bench import OTHER, Bench, difference, touched
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["LockKit", "each_way"]

lock = ["lock"]


async def each_way(kit: Kit) -> AsyncIterator[tuple[str, Bench]]:
    """Each way in which the vendor opens doors, on a vendor of its own."""
    async with kit.vendor() as bench:
        names = wishes.ways(bench)
    for way in names:
        async with kit.vendor() as bench:
            yield way, bench


class LockKit(Kit):
    """Plugins of the kind `lock`."""

    @promise(kinds=lock)
    async def test_openings_can_be_named(self) -> None:
        """Every group and lock has an id of its own and a name, and there are of each kind that is declared."""
        async with self.vendor() as bench:
            found = await bench.call("list_openings")
            keys = [(one.kind, one.id) for one in found]
            expect(len(set(keys)) == len(keys), "list_openings names an opening twice")
            nameless = [one.id for one in found if not (one.id and one.name.strip())]
            expect(not nameless, f"these openings have no name that an admin would know: {nameless}")
            allowed = set(wishes.ways(bench))
            strange = {one.kind for one in found} - allowed
            expect(not strange, f"list_openings names {', '.join(strange)}, and the abilities don't say so")
            for way in allowed:
                expect(any(one.kind == way for one in found), f"list_openings names no {way}")

    @promise(kinds=lock)
    async def test_granting_twice_is_granting_once(self) -> None:
        """A second call with the same grant answers the same and changes nothing."""
        async for way, bench in each_way(self):
            wanted = await wishes.grant_for(bench, way)
            first = await wishes.given(bench, wanted)
            before = bench.tables()
            bench.restart()
            second = await bench.call("grant_access", grant=wishes.again(wanted, first))
            same = first.vendor_id == second.vendor_id
            expect(same, f"granted again, {way} has the id {second.vendor_id} instead of {first.vendor_id}")
            found = touched(before, bench.tables()) or difference(_count(before), bench.rows())
            expect(not found, f"granting {way} again changes the vendor: {found}")

    @promise(kinds=lock)
    async def test_what_is_granted_is_confirmed(self) -> None:
        """The vendor has it under an id, with the code that the hub drew, where it takes codes."""
        async for way, bench in each_way(self):
            wanted = await wishes.grant_for(bench, way)
            granted = await wishes.given(bench, wanted)
            expect(granted.confirmed, f"{way} is granted at a vendor that works, and not confirmed")
            expect(granted.vendor_id or wanted.person_id, f"{way} is granted without an id to find it by")
            if wanted.code is not None:
                expect(granted.code == wanted.code, "the code that was given is not the one that the hub drew")
            if way == "lock" and Ability.LINKS in bench.plugin.abilities:
                expect(granted.url, "the ability links is declared, and a grant has no url")

    @promise(kinds=lock)
    async def test_revoking_twice_is_success(self) -> None:
        """What is gone already, or never was, is revoked."""
        async for way, bench in each_way(self):
            standing = await wishes.stands(bench, way)
            for what in ("once", "again", "after a restart"):
                try:
                    await wishes.taken(bench, standing)
                except HubError as error:
                    raise Broken(f"revoking {way} {what} ends with {type(error).__name__}: {error}") from error
                if what == "again":
                    bench.restart()
            never = await wishes.grant_for(bench, way, 2, person_id=None)
            await bench.call("revoke_access", grant=never)

    @promise(kinds=lock, abilities=[Ability.OBSERVE])
    async def test_what_stands_is_observed(self) -> None:
        """Marker, opening, window and badges as they were granted; after revoking, nothing that opens."""
        async for way, bench in each_way(self):
            standing = await wishes.stands(bench, way)
            key = standing.vendor_id if way == "lock" else standing.vendor_id or standing.person_id
            bench.restart()
            seen = await _observed(bench)
            expect(key in seen, f"{way} stands at the vendor as {key} and is not observed")
            one = seen[str(key)]
            expect(one.alive, f"{way} opens a door, and is observed as dead")
            named = one.marker == standing.marker or (one.tag is not None and one.tag == standing.tag)
            expect(named, f"{way} is observed with the marker {one.marker!r}")
            expect(one.opens is not None and _same(one.opens, standing.opens), f"{way} is observed to open {one.opens}")
            if Ability.DATES in bench.plugin.abilities and one.limits:
                expect(one.valid_until == standing.valid_until, f"{way} is observed to end {one.valid_until}")
            badges = {badge.number for badge in standing.badges}
            expect(badges <= one.badges, f"{way} is observed without the badge {badges - one.badges}")
            await wishes.taken(bench, standing)
            bench.restart()
            left = (await _observed(bench)).get(str(key))
            gone = left is None or not left.alive or left.opens is None
            expect(gone, f"{way} was revoked and is still observed as open")

    @promise(kinds=lock, abilities=[Ability.OBSERVE])
    async def test_looking_at_one_that_is_gone_says_so(self) -> None:
        """`only` with an id that nobody has is NotFound (or nothing), never something that stands."""
        async for way, bench in each_way(self):
            standing = await wishes.stands(bench, way)
            key = str(standing.vendor_id or standing.person_id)
            bench.restart()
            pages = await bench.pages("observe_access", only=[key])
            seen = [one for page in pages for one in page]
            expect([one.vendor_id for one in seen] == [key], f"asked for {key} only, it shows {len(seen)} others")
            try:
                pages = await bench.pages("observe_access", only=["00000000-dead-4000-8000-000000000000"])
            except NotFound:
                continue
            except HubError as error:
                raise Broken(f"an id that is gone is {type(error).__name__}, it has to be NotFound") from error
            expect(not any(one.alive for page in pages for one in page), "an id that nobody has is observed as alive")

    @promise(kinds=lock, abilities=[Ability.OBSERVE], network=True)
    async def test_a_broken_off_look_is_never_whole(self) -> None:
        """Observing that ends without an error has shown everything."""
        async with self.vendor() as bench:
            await self._crowd(bench)
            whole = set(await _observed(bench))
        for name, break_off in self.interruptions():
            if self.excused("test_a_broken_off_look_is_never_whole", name):
                continue
            async with self.vendor() as bench:
                await self._crowd(bench)
                bench.restart()
                break_off(bench)
                try:
                    seen = set(await _observed(bench))
                except VendorError:
                    continue
                few = f"{name}: observing ends well, and shows {len(whole & seen)} of {len(whole)}"
                expect(len(seen) >= len(whole), few)

    async def _crowd(self, bench: Bench) -> None:
        for way in wishes.ways(bench):
            for number in (1, 2, 3):
                await wishes.stands(bench, way, number)

    @promise(kinds=lock, abilities=[Ability.GROUPS, Ability.DATES])
    async def test_a_moved_end_is_brought_up_to_date(self) -> None:
        """A pass that was renewed opens longer, under the same id."""
        async with self.vendor() as bench:
            standing = await wishes.stands(bench, "group")
            before = bench.rows()
            later = wishes.UNTIL + timedelta(days=365)
            bench.restart()
            granted = await bench.call("grant_access", grant=wishes.again(standing, valid_until=later))
            expect(granted.confirmed, "a grant with another end is not confirmed")
            expect(bench.rows() == before, f"a moved end leaves {difference(before, bench.rows())}")
            text = repr(bench.tables())
            expect(str(later.year) in text, "a moved end does not reach the vendor")

    # ── what is not ours ──────────────────────────────────────────────────────────────────────────────────────────

    @promise(kinds=lock)
    async def test_what_others_made_is_left_alone(self) -> None:
        """Whatever staff or another hub made, with the same names, stays as it is while ours comes and goes."""
        async for way, bench in each_way(self):
            self.by_hand(bench)
            bench.restart(instance=OTHER)
            theirs = await wishes.stands(bench, way, 2)
            before = bench.tables()
            bench.restart()
            ours = await wishes.stands(bench, way)
            bench.restart()
            looked = wishes.again(ours, look_first=True, sure_after=bench.settle())
            await wishes.given(bench, looked)
            await wishes.taken(bench, looked)
            crossed = wishes.again(ours, vendor_id=theirs.vendor_id, person_id=theirs.person_id, our_groups=frozenset())
            with contextlib.suppress(VendorError):
                await bench.call("revoke_access", grant=crossed)
            found = touched(before, bench.tables())
            expect(not found, f"{way}: what others made was changed at the vendor: {found}")

    # ── codes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @promise(kinds=lock, abilities=[Ability.CODES], still=True)
    async def test_codes_are_drawn_at_random(self) -> None:
        """Text in one format, hardly ever the same twice, and not in order."""
        draw = self.described().draw_code
        if draw is None:
            raise Broken("describe() names no draw_code")
        drawn = [draw() for _ in range(200)]
        expect(all(drawn) and {*map(type, drawn)} == {str}, "draw_code answers text")
        expect(len(set(drawn)) > 150, f"draw_code drew {len(set(drawn))} different codes of 200")
        expect(sorted(drawn) != drawn, "draw_code counts instead of drawing")


async def _observed(bench: Bench) -> dict[str, g.Observed]:
    """Everything that is observed, by id."""
    return {one.vendor_id: one for page in await bench.pages("observe_access", only=None) for one in page}


def _same(one: g.Opens, other: g.Opens) -> bool:
    return one.group == other.group and set(one.locks) == set(other.locks)


def _count(tables: dict[str, object]) -> dict[str, int]:
    return {name: len(table) for name, table in tables.items() if isinstance(table, dict)}
