"""The simulated Nuki: devices, their actions and log, people of the account, webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from hub.testing import Reject, Reply, Request, operation
from hub.testing.outbox import unfit
from plugins.nuki._sim_auths import Auths
from plugins.nuki._sim_base import bad, moment_text
from plugins.nuki._sim_world import Row

__all__ = ["Devices"]

FEATURES = {"DEVICE_STATUS", "DEVICE_MASTERDATA", "DEVICE_CONFIG", "DEVICE_LOGS", "DEVICE_AUTHS", "ACCOUNT_USER"}


class Action(msgspec.Struct):
    """What a lock is to do."""

    action: Annotated[int, msgspec.Meta(ge=0, le=7)]
    option: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0


class User(msgspec.Struct):
    """A new person of the account."""

    email: str
    name: str
    type: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    language: str = "en"


class Hook(msgspec.Struct):
    """A new webhook."""

    webhookUrl: str  # noqa: N815 - the vendor's names
    webhookFeatures: list[str]  # noqa: N815


class Devices(Auths):
    """Everything but authorizations."""

    # ── devices ───────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listSmartlocks", "GET /smartlock")
    def list_smartlocks(self, request: Request) -> Reply:
        kind = request.query.get("type")
        rows = [row for row in self.world.locks.values() if kind is None or str(row["type"]) == kind]
        return Reply(200, rows, items_in="")

    @operation("getSmartlock", "GET /smartlock/{smartlockId}")
    def get_smartlock(self, request: Request) -> Row:
        return self.found(self.world.locks, request["smartlockId"])

    @operation("actOnSmartlock", "POST /smartlock/{smartlockId}/action")
    def act_on_smartlock(self, request: Request) -> None:
        self._act(request, self.payload(request, Action).action)

    @operation("unlockSmartlock", "POST /smartlock/{smartlockId}/action/unlock")
    def unlock_smartlock(self, request: Request) -> None:
        self._act(request, 1)

    @operation("lockSmartlock", "POST /smartlock/{smartlockId}/action/lock")
    def lock_smartlock(self, request: Request) -> None:
        self._act(request, 2)

    @operation("actOnSmartlockAdvanced", "POST /smartlock/{smartlockId}/action/advanced")
    def act_on_smartlock_advanced(self, request: Request) -> Row:
        self._act(request, self.payload(request, Action).action)
        return {"requestId": self.new_id()}

    def _act(self, request: Request, action: int) -> None:
        lock = self.found(self.world.locks, request["smartlockId"])
        if lock["serverState"] == 0:
            self.log_entry(lock, max(action, 1))

    @operation("listAllLogs", "GET /smartlock/log")
    def list_all_logs(self, request: Request) -> Reply:
        return self._logs(request, lambda row: True)

    @operation("listLogs", "GET /smartlock/{smartlockId}/log")
    def list_logs(self, request: Request) -> Reply:
        lock = self.found(self.world.locks, request["smartlockId"])
        return self._logs(request, lambda row: row["smartlockId"] == lock["smartlockId"])

    def _logs(self, request: Request, fits: Callable[[Row], bool]) -> Reply:
        query = request.query
        limit = query.get("limit", "20")
        if not limit.isdigit() or int(limit) > 50:
            raise bad("limit is 50 at most")
        before = query.get("id", "")
        rows = [
            row
            for row in reversed(self.world.logs.values())
            if fits(row)
            and (not before.isdigit() or int(row["id"]) < int(before))
            and query.get("fromDate", "") <= row["date"] <= query.get("toDate", "9")
            and query.get("action", str(row["action"])) == str(row["action"])
        ]
        return Reply(200, rows[: int(limit)], items_in="")

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listAccountUsers", "GET /account/user")
    def list_account_users(self, request: Request) -> Reply:
        email = request.query.get("email")
        rows = [row for row in self.world.users.values() if email in {None, row["email"]}]
        skip, limit = (int(request.query.get(name, usual)) for name, usual in (("offset", "0"), ("limit", "100")))
        return Reply(200, rows[skip : skip + limit], items_in="")

    @operation("createAccountUser", "PUT /account/user")
    def create_account_user(self, request: Request) -> Row:
        given = self.payload(request, User)
        now = moment_text(self.clock.now())
        number = self.world.number("user")
        row: Row = {"accountUserId": number, "accountId": 1, "creationDate": now, "updateDate": now}
        row |= msgspec.structs.asdict(given)
        self.world.users[str(number)] = row
        return row

    @operation("deleteAccountUser", "DELETE /account/user/{accountUserId}")
    def delete_account_user(self, request: Request) -> None:
        self.found(self.world.users, request["accountUserId"])
        del self.world.users[request["accountUserId"]]

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listWebhooks", "GET /api/decentralWebhook")
    def list_webhooks(self, request: Request) -> Reply:
        self._check_advanced()
        # The contract names the secret in what is listed; whether it is really shown again is unknown.
        rows = [{**row, "secret": self.world.secrets[key]} for key, row in self.world.hooks.items()]
        return Reply(200, list(self.world.hooks.values()) if self.faults.hidden_secrets else rows, items_in="")

    @operation("createWebhook", "PUT /api/decentralWebhook")
    def create_webhook(self, request: Request) -> Row:
        self._check_advanced()
        given = self.payload(request, Hook)
        if unfit(given.webhookUrl) is not None or not set(given.webhookFeatures) <= FEATURES:
            raise bad("webhookUrl or webhookFeatures can't be used")
        number = self.world.number("hook")
        self.world.hooks[str(number)] = {"id": number, **msgspec.structs.asdict(given)}
        self.world.secrets[str(number)] = self.new_id().replace("-", "")
        return {**self.world.hooks[str(number)], "secret": self.world.secrets[str(number)]}

    @operation("deleteWebhook", "DELETE /api/decentralWebhook/{id}")
    def delete_webhook(self, request: Request) -> None:
        self._check_advanced()
        self.found(self.world.hooks, request["id"])
        del self.world.hooks[request["id"]], self.world.secrets[request["id"]]

    @operation("listWebhookDeliveries", "GET /api/key/{apiKeyId}/webhook/logs")
    def list_webhook_deliveries(self, request: Request) -> Reply:
        now = moment_text(self.clock.now())
        common = {"accountId": 1, "apiKeyId": 1, "created": now, "updated": now}
        rows = [
            {"id": row["id"], "succeeded": bool(row["succeeded"]), **common} for row in self.world.deliveries.values()
        ]
        return Reply(200, rows[-300:], items_in="")

    def _check_advanced(self) -> None:
        if self.faults.no_webhooks:
            raise Reject(Reply(403))
