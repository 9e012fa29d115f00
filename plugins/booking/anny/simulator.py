"""anny in memory: the operations of `anny.openapi.yaml`, with what is known of the vendor's ways.

`desk` is what staff do by hand. Deliveries of webhooks are made by `announce` and handed out as requests; whoever plays
the hub sends them on and says with `delivered` how that went. What is done over the control path is sent by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub import times
from hub.clock import Clock
from hub.testing import Outbox, Reply, Request, operation
from hub.testing.outbox import unfit
from plugins.booking.anny import wire
from plugins.booking.anny._sim_base import AnnyFaults, error
from plugins.booking.anny._sim_staff import Delivery, Staff
from plugins.booking.anny._sim_world import AnnyWorld, Desk, Row

__all__ = ["ACCESS_TOKEN", "ORGANIZATION_ID", "AnnyFaults", "AnnySimulator", "Delivery"]

ACCESS_TOKEN = "anny-simulated-access-token-5c1d9e"  # noqa: S105 - opens nothing but a simulator
ORGANIZATION_ID = "9f1b2c3d-0a4e-4b5f-8c6d-7e8f9a0b1c2d"


class AnnySimulator(Staff):
    """One anny account. `base_url` is the bare origin. `organizations` are names by id; the first is active."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        access_token: str = ACCESS_TOKEN,
        organizations: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(AnnyWorld(), AnnyFaults(), clock=clock, seed=seed)
        self.access_token = access_token
        self.logins = {"access_token": access_token}
        names = organizations or {ORGANIZATION_ID: "Studio Nordlicht"}
        self.active = next(iter(names))
        for key, name in names.items():
            self.world.organizations[key] = {"id": key, "name": name, "slug": name.lower().replace(" ", "-")}
        self.webhooks = Outbox()
        self.desk = Desk(self.world, self.new_id, lambda: self.clock.now())

    # ── who is asking ─────────────────────────────────────────────────────────────────────────────────────────────

    @operation("getUser", "GET /api/v1/user")
    def get_user(self, request: Request) -> Row:
        active = {"data": {"type": "organizations", "id": self.active}}
        return {"data": {"id": "1", "type": "users", "relationships": {"active_organization": active}}}

    @operation("listOrganizations", "GET /api/v1/organizations")
    def list_organizations(self, request: Request) -> Reply:
        return Reply(200, {"data": list(self.world.organizations.values())}, items_in="data")

    # ── lists and items ───────────────────────────────────────────────────────────────────────────────────────────

    @operation("listCustomers", "GET /api/v1/customers")
    def list_customers(self, request: Request) -> Reply:
        return self.listing(request, self.ours(request, self.world.customers))

    @operation("getCustomer", "GET /api/v1/customers/{id}")
    def get_customer(self, request: Request) -> Reply:
        return self.item(request, self.found(request, self.world.customers))

    @operation("listResources", "GET /api/v1/resources")
    def list_resources(self, request: Request) -> Reply:
        """Parents only unless asked otherwise (assumed)."""
        rows = self.ours(request, self.world.resources)
        if self.faults.parents_only or request.query.get("filter[exclude_child_resources]") != "false":
            rows = [row for row in rows if not row.get("parent_id")]
        return self.listing(request, rows)

    @operation("getResource", "GET /api/v1/resources/{id}")
    def get_resource(self, request: Request) -> Reply:
        return self.item(request, self.found(request, self.world.resources))

    @operation("listServices", "GET /api/v1/services")
    def list_services(self, request: Request) -> Reply:
        return self.listing(request, self.ours(request, self.world.services))

    @operation("listBookings", "GET /api/v1/bookings")
    def list_bookings(self, request: Request) -> Reply:
        return self.listing(request, self.ours(request, self.world.bookings))

    @operation("getBooking", "GET /api/v1/bookings/{id}")
    def get_booking(self, request: Request) -> Reply:
        return self.item(request, self.found(request, self.world.bookings))

    @operation("listPlanSubscriptions", "GET /api/v1/plan-subscriptions")
    def list_subscriptions(self, request: Request) -> Reply:
        return self.listing(request, self.ours(request, self.world.subscriptions))

    @operation("getPlanSubscription", "GET /api/v1/plan-subscriptions/{id}")
    def get_subscription(self, request: Request) -> Reply:
        return self.item(request, self.found(request, self.world.subscriptions))

    @operation("listCommunities", "GET /api/v1/communities")
    def list_communities(self, request: Request) -> Reply:
        self._communities()
        return self.listing(request, self.ours(request, self.world.communities))

    @operation("listCommunityAccounts", "GET /api/v1/community-accounts")
    def list_accounts(self, request: Request) -> Reply:
        self._communities()
        return self.listing(request, self.ours(request, self.world.accounts))

    def _communities(self) -> None:
        if self.faults.no_communities:
            raise error(404, "Not Found", shape="error")

    # ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("cancelBooking", "GET /api/v1/bookings/{id}/cancel", reads=False)
    def cancel_booking(self, request: Request) -> Reply:
        """Cancels, although it is a GET (S5)."""
        return self._stamp(request, "canceled_at")

    @operation("checkIn", "POST /api/v1/bookings/{id}/check-in")
    def check_in(self, request: Request) -> Reply:
        return self._stamp(request, "check_in_date")

    @operation("checkOut", "POST /api/v1/bookings/{id}/check-out")
    def check_out(self, request: Request) -> Reply:
        return self._stamp(request, "check_out_date")

    def _stamp(self, request: Request, name: str) -> Reply:
        now = times.to_text(self.clock.now())
        row = self.desk.change(self.found(request, self.world.bookings), **{name: now, "updated_at": now})
        return self.item(request, row)

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listWebhooks", "GET /api/v1/webhook-subscriptions")
    def list_webhooks(self, request: Request) -> Reply:
        return self.listing(request, [self._hook(row) for row in self.world.webhooks.values()])

    @operation("getWebhook", "GET /api/v1/webhook-subscriptions/{id}")
    def get_webhook(self, request: Request) -> Reply:
        return self.item(request, self._hook(self.found(request, self.world.webhooks)))

    @operation("deleteWebhook", "DELETE /api/v1/webhook-subscriptions/{id}")
    def delete_webhook(self, request: Request) -> None:
        del self.world.webhooks[self.found(request, self.world.webhooks)["id"]]

    @operation("createWebhook", "POST /api/v1/webhook-subscriptions")
    def create_webhook(self, request: Request) -> Reply:
        """Writes must be JSON:API (S2); the address must be https and the events known (S3). An address on this machine
        may be http, as nobody outside could send there."""
        if request.header("content-type") != wire.JSON_API:
            raise error(415, "Unsupported Media Type")
        try:
            data = request.json()["data"]
            given = data["attributes"]
            url, events, name = given["url"], given["events"], given["name"]
        except (ValueError, KeyError, TypeError):
            raise error(422, "Unprocessable", "data.attributes is incomplete", shape="message") from None
        if data.get("type") != "webhook-subscriptions" or unfit(str(url)) is not None:
            raise error(422, "Unprocessable", "url must be https", shape="message")
        row = self.subscribed(
            name, url, list(events), given.get("custom_headers", {}), active=given.get("is_active", True)
        )
        return self.item(request, self._hook(row), 201)

    def _hook(self, row: Row) -> Row:
        hidden = {"custom_headers"} if self.faults.hide_headers else set()
        return {name: value for name, value in row.items() if name not in hidden}
