"""What is asked of a plugin that takes webhooks: a delivery is a hint, and only the vendor's own is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hub.errors import FixSettings, HubError
from hub.grants import Hint, WebhookRequest
from hub.plugins import Ability
from hub.records import KINDS
from hub.testing.conformance.bench import Bench
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import Broken, expect, promise
from hub.testing.control import acts_of
from hub.testing.outbox import Delivery

__all__ = ["WebhookKit"]

SECRET = "kit-hook-secret-8f2e61"  # noqa: S105 - the secret part of a made-up address
ADDRESS = f"https://hub.example.com/hooks/vendor/{SECRET}"


class WebhookKit(Kit):
    """Plugins with the ability `webhooks`."""

    def announce(self, bench: Bench) -> None:
        """Let something happen at the vendor that it sends a webhook for: here somebody cancels a booking."""
        cancel = acts_of(type(bench.vendor)).get("cancel")
        bookings = bench.vendor.ids().get("booking", {})
        if cancel is None or not bookings:
            raise Broken("the simulator has no act `cancel` or no booking; override `announce` in your kit")
        key: Any = next(iter(bookings))
        getattr(bench.vendor, cancel.run)(booking=key)

    async def _delivery(self, bench: Bench) -> WebhookRequest:
        """The vendor's own delivery about something that happened."""
        signing: str | None = None
        if bench.has("subscribe_webhooks"):
            signing = await _subscribe(bench, ADDRESS)
        else:
            bench.vendor.subscribe_by_hand(ADDRESS)
        outbox = bench.vendor.webhooks
        if outbox is None:
            raise Broken("the simulator has no outbox, so it sends no webhooks: set `webhooks = Outbox()`")
        outbox.waiting.clear()
        self.announce(bench)
        expect(outbox.waiting, "something happened at the vendor, and its simulator puts no webhook into its outbox")
        delivery: Delivery = outbox.waiting[0]
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        return WebhookRequest(headers=headers, body=delivery.body, secret=SECRET, signing_secret=signing)

    @promise(abilities=[Ability.WEBHOOKS], network=True)
    async def test_a_webhook_of_the_vendor_is_a_hint(self) -> None:
        """It says which kinds to read again, and for the same delivery it says the same."""
        async with self.vendor() as bench:
            request = await self._delivery(bench)
            hints = await self._hints(bench, request)
            expect(hints, "the vendor's own delivery says nothing about what to read again")
            for hint in hints:
                expect(isinstance(hint, Hint), "read_webhook answers a list of hub.grants.Hint")
                known = bench.plugin.kind != "booking" or hint.kind in KINDS
                expect(known, f"a hint names the kind {hint.kind!r}, which is no kind of record")
            expect(hints == await self._hints(bench, request), "the same delivery gives other hints the second time")

    async def _hints(self, bench: Bench, request: WebhookRequest) -> list[Hint]:
        try:
            return list(await bench.call("read_webhook", request=request))
        except HubError as error:
            raise Broken(f"the vendor's own delivery is refused: {error}") from error

    @promise(abilities=[Ability.WEBHOOKS], network=True)
    async def test_a_webhook_of_a_stranger_is_refused(self) -> None:
        """Without what makes it the vendor's (a header, a signature, the secret address) it is FixSettings."""
        async with self.vendor() as bench:
            real = await self._delivery(bench)
            for what, request in _forged(real):
                try:
                    hints = await bench.call("read_webhook", request=request)
                except FixSettings:
                    continue
                except HubError as error:
                    raise Broken(f"{what} is refused as {type(error).__name__}; it has to be FixSettings") from error
                raise Broken(f"{what} is believed: {hints!r}")

    @promise(hooks=["subscribe_webhooks"], network=True)
    async def test_subscribing_again_changes_nothing(self) -> None:
        """The hub subscribes once a day; the vendor sends each event once all the same."""
        async with self.vendor() as bench:
            signing = await _subscribe(bench, ADDRESS)
            once = bench.tables()
            bench.restart()
            signing = await _subscribe(bench, ADDRESS, signing) or signing
            expect(bench.tables() == once, "subscribing a second time changes something at the vendor")
            await _subscribe(bench, ADDRESS.replace("vendor", "moved"), signing)
            rows = {name: len(table) for name, table in once.items() if isinstance(table, Mapping)}
            now = bench.rows()
            more = [name for name, count in rows.items() if now[name] != count]
            expect(not more, f"another address leaves {', '.join(more)} with the old one beside the new one")


async def _subscribe(bench: Bench, address: str, signing: str | None = None) -> str | None:
    """Subscribe as the hub does; what the vendor gave out to sign with."""
    given: str | None = await bench.call("subscribe_webhooks", address=address, secret=SECRET, signing_secret=signing)
    return given


def _forged(real: WebhookRequest) -> list[tuple[str, WebhookRequest]]:
    """Deliveries of somebody who does not know the secrets."""
    signing = real.signing_secret
    nobody = WebhookRequest(headers={}, body=real.body, signing_secret=signing)
    return [
        ("a delivery without headers and secret address", nobody),
        ("an empty body", WebhookRequest(headers={}, body=b"", signing_secret=signing)),
        ("a body that is no JSON", WebhookRequest(headers={}, body=b"<html></html>", signing_secret=signing)),
        ("a JSON list", WebhookRequest(headers={}, body=msgspec.json.encode([1, 2]), signing_secret=signing)),
        (
            "a delivery with every header but wrong values",
            WebhookRequest(headers=dict.fromkeys(real.headers, "0" * 64), body=real.body, signing_secret=signing),
        ),
    ]
