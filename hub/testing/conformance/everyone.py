"""What is asked of every plugin: its card, its settings, its simulator, and its check list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hub.errors import HubError
from hub.grants import Check, CheckState
from hub.plugins import Ability
from hub.quality.file import SHORTEST_REASON, is_reason
from hub.settings import ConnectionSettings
from hub.testing.conformance.bench import Bench
from hub.testing.conformance.kit import Kit, plain
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["EveryoneKit"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{1,31}")
_SECRET = re.compile(r"(secret|password|token)", re.IGNORECASE)

HOOKS_OF: dict[Ability, tuple[str, ...]] = {
    Ability.PEOPLE: ("sync_members",),
    Ability.OBSERVE: ("observe_access",),
    Ability.WEBHOOKS: ("read_webhook",),
    Ability.SESSIONS: ("session_created", "session_changed", "session_cancelled", "session_restored"),
    Ability.SEATS: ("seat_taken", "seat_moved", "seat_freed"),
    Ability.METRICS: ("fetch_metrics",),
}
"""The hooks that an ability promises. An ability without the hook fails at the first call, and a hook without the
ability is never called."""

HOOKS_OF_KIND = {
    "booking": ("read_records",),
    "lock": ("list_openings", "grant_access", "revoke_access"),
    "tracker": ("session_created",),
}
ABILITIES_OF_KIND = {
    "booking": {Ability.CHANGES, Ability.WEBHOOKS},
    "lock": set(Ability) - {Ability.CHANGES, Ability.SESSIONS, Ability.SEATS, Ability.METRICS},
    "tracker": {Ability.PEOPLE, Ability.SESSIONS, Ability.SEATS, Ability.METRICS},
}


class EveryoneKit(Kit):
    """Every plugin."""

    @promise(still=True)
    async def test_exemptions_have_reasons(self) -> None:
        """An exemption names a test that is asked of this plugin, and says why it does not fit."""
        for name, reason in self.exempt.items():
            test = name.partition("[")[0]
            expect(test in self.promises(), f"exempt names {name!r}, which is no test that is asked of this plugin")
            short = f"the exemption from {name} needs a reason of {SHORTEST_REASON} letters or more, not {reason!r}"
            expect(is_reason(reason), short)

    @promise(still=True)
    async def test_the_card_says_what_it_is(self) -> None:
        """Name, title, kind and numbers that the hub can work with."""
        card = self.described()
        expect(_NAME.fullmatch(card.name), f"the name {card.name!r} is not made of small letters, digits, - and _")
        expect(card.title.strip(), "describe() answers no title, which is what people see")
        expect(card.kind in HOOKS_OF_KIND, f"there is no kind {card.kind!r}")
        expect(card.slice_size >= 1, "slice_size is how many grants are worked on at a time, at least 1")
        expect(card.misses >= 1, "misses is how many complete reads must miss a record, at least 1")
        expect(card.settle >= 0, "settle is a number of seconds, 0 or more")
        expect(self.described() == card or self.described().name == card.name, "describe() answers another name")

    @promise(still=True)
    async def test_hooks_and_abilities_agree(self) -> None:
        """What is declared is implemented, and what is implemented is declared."""
        card, hooks = self.described(), self.hooks()
        for hook in ("verify", *HOOKS_OF_KIND[card.kind]):
            expect(hook in hooks, f"a {card.kind} implements {hook}; this plugin doesn't")
        for ability, needed in HOOKS_OF.items():
            missing = [hook for hook in needed if hook not in hooks]
            if ability in card.abilities:
                expect(not missing, f"the ability {ability} is declared, and {', '.join(missing)} is not implemented")
            else:
                extra = [hook for hook in needed if hook in hooks]
                expect(not extra, f"{', '.join(extra)} is implemented, and the ability {ability} is not declared")
        strange = card.abilities - ABILITIES_OF_KIND[card.kind]
        expect(not strange, f"a {card.kind} can't have the ability {', '.join(sorted(strange))}")
        if Ability.CODES in card.abilities:
            expect(card.draw_code is not None, "the ability codes is declared, and describe() names no draw_code")
        if card.kind == "lock":
            opens = card.abilities & {Ability.GROUPS, Ability.LOCKS}
            expect(opens, "a lock has groups or locks: declare the ability groups or locks")

    @promise(still=True)
    async def test_settings_say_what_to_fill_in(self) -> None:
        """Each setting has a title or a description, and the model says where an admin finds them."""
        model = self.described().settings
        own = {name: info for name, info in model.model_fields.items() if name not in ConnectionSettings.model_fields}
        expect((model.__doc__ or "").strip(), f"{model.__name__} has no docstring: where does an admin find these?")
        for name, info in own.items():
            expect(info.title or info.description, f"the setting {name} has neither title nor description")
            if _SECRET.search(name) and "Secret" not in str(info.annotation):
                raise Broken(f"the setting {name} sounds secret and is no SecretStr, so it is kept in clear")

    @promise(still=True)
    async def test_the_vendor_can_be_rehearsed(self) -> None:
        """There is a simulator, so that nobody needs an account to try the plugin."""
        expect(self.described().simulator is not None, "describe() names no simulator")

    @promise(network=True)
    async def test_the_simulator_repeats_itself(self) -> None:
        """The same seed on the same clock gives the same vendor, so a failure can be shown to somebody."""
        states = []
        for _ in range(2):
            async with self.vendor() as bench:
                states.append(bench.tables())
        expect(states[0] == states[1], "two simulators with the same seed and clock differ")

    # ── verify ────────────────────────────────────────────────────────────────────────────────────────────────────

    @promise()
    async def test_verify_is_content_with_good_settings(self) -> None:
        """Nothing fails, and something is said to work."""
        async with self.vendor() as bench:
            checks = await _checks(bench)
            bad = [check for check in checks if check.state is CheckState.FAILED]
            expect(not bad, f"verify fails with good settings: {_told(bad)}")
            expect(any(check.state is CheckState.OK for check in checks), "verify says of nothing that it works")

    @promise(network=True)
    async def test_verify_says_that_credentials_are_wrong(self) -> None:
        """A check fails, with the vendor's words or with what to do."""
        async with self.vendor() as bench:
            wrong = self.wrong_settings(bench)
            expect(wrong, "no setting is a secret; set `wrong` to settings that the vendor refuses")
            bench.restart(**wrong)
            bad = [check for check in await _checks(bench) if check.state is CheckState.FAILED]
            expect(bad, "verify finds nothing wrong with wrong credentials")
            silent = [check.title for check in bad if not (check.said or check.fix)]
            expect(not silent, f"these checks fail and say neither why nor what to do: {', '.join(silent)}")

    @promise(network=True)
    async def test_verify_outlives_an_outage(self) -> None:
        """A vendor that is down is a check that failed, not an error."""
        for switch in ("outage", "outage=drop", "garbage"):
            async with self.vendor() as bench:
                bench.vendor.faults.set(switch)
                bad = [check for check in await _checks(bench) if check.state is CheckState.FAILED]
                expect(bad, f"verify finds nothing wrong while the vendor has {switch}")

    @promise(network=True)
    async def test_verify_changes_nothing(self) -> None:
        """It is called before a connection is saved, and as often as somebody likes."""
        async with self.vendor() as bench:
            before = bench.tables()
            await _checks(bench)
            changed = [name for name, table in bench.tables().items() if before[name] != table]
            expect(not changed, f"verify changed {', '.join(changed)} at the vendor")


async def _checks(bench: Bench) -> Sequence[Check]:
    try:
        checks: Sequence[Check] = await bench.call("verify")
    except HubError as error:
        raise Broken(f"verify raised {type(error).__name__} instead of a check that failed: {error}") from error
    expect(checks and all(isinstance(check, Check) for check in checks), "verify answers a list of hub.grants.Check")
    return checks


def _told(checks: Sequence[Check]) -> str:
    return "; ".join(f"{check.title}: {plain(check.said)}" for check in checks)
