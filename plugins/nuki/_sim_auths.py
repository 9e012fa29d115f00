"""The simulated Nuki: authorizations. Every request is only stored; the locks carry it out when they hear of it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from hub.testing import Delivery, Reject, Reply, Request, operation
from plugins.nuki._sim_base import NukiBase, bad, moment_text
from plugins.nuki._sim_payloads import Create, CreateAdvanced, CreateMany, MultiUpdate, Update, fields_of
from plugins.nuki._sim_world import Row

__all__ = ["Auths"]

KEYPAD, CODE = 3, 13
WINDOW = ("allowedFromDate", "allowedUntilDate", "allowedWeekDays", "allowedFromTime", "allowedUntilTime")


class Auths(NukiBase):
    """What opens the locks. `delay`: how many seconds the locks take."""

    delay: float = 2.0

    def seconds(self) -> float:
        """How long the locks take now."""
        return self.delay if self.faults.late is None else self.faults.late.seconds

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listAllAuths", "GET /smartlock/auth")
    def list_all_auths(self, request: Request) -> Reply:
        return self._list(request, lambda row: True)

    @operation("listAuths", "GET /smartlock/{smartlockId}/auth")
    def list_auths(self, request: Request) -> Reply:
        lock = self.found(self.world.locks, request["smartlockId"])
        return self._list(request, lambda row: row["smartlockId"] == lock["smartlockId"])

    @operation("listAuthsPaged", "GET /smartlock/auth/paged")
    def list_auths_paged(self, request: Request) -> Reply:
        # The shape was never seen; a plain array is one that the contract allows.
        page, size = (int(request.query.get(name, usual)) for name, usual in (("page", "0"), ("size", "100")))
        rows = self._list(request, lambda row: True).value
        return Reply(200, rows[page * size : (page + 1) * size], items_in="")

    @operation("getAuth", "GET /smartlock/{smartlockId}/auth/{id}")
    def get_auth(self, request: Request) -> Row:
        return self._shown(self._of(request))

    def _list(self, request: Request, fits: Callable[[Row], bool]) -> Reply:
        types = {int(text) for text in request.query.get("types", "").split(",") if text.isdigit()}
        rows = [row for row in self.world.auths.values() if fits(row) and (not types or row["type"] in types)]
        return Reply(200, [self._shown(row) for row in rows], items_in="")

    def _shown(self, row: Row) -> Row:
        shown = {name: value for name, value in row.items() if value is not None}
        if self.faults.hidden_codes:
            shown.pop("code", None)
        if any(job["auth"] == row["id"] for job in self.world.jobs.values()):
            shown["operationId"] = f"op-{row['id']}"
        return shown

    def _of(self, request: Request) -> Row:
        row = self.found(self.world.auths, request["id"])
        if str(row["smartlockId"]) != request["smartlockId"]:
            raise Reject(Reply(404, {"detailMessage": "not found"}))
        return row

    # ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("createAuth", "PUT /smartlock/{smartlockId}/auth")
    def create_auth(self, request: Request) -> None:
        self._create(request, self.payload(request, Create), [request["smartlockId"]])

    @operation("createAuthOnLocks", "PUT /smartlock/auth")
    def create_auth_on_locks(self, request: Request) -> None:
        given = self.payload(request, CreateMany)
        self._create(request, given, [str(key) for key in given.smartlockIds])

    @operation("createAuthAdvanced", "PUT /smartlock/auth/advanced")
    def create_auth_advanced(self, request: Request) -> Row:
        given = self.payload(request, CreateAdvanced)
        if given.code is not None or given.type == CODE:
            raise bad("keypad codes can't be made here")
        self._create(request, given, [str(key) for key in given.smartlockIds])
        return {"requestId": self.new_id()}

    @operation("updateAuth", "POST /smartlock/{smartlockId}/auth/{id}")
    def update_auth(self, request: Request) -> None:
        self._change(request, self._of(request), self.payload(request, Update))

    @operation("updateAuths", "POST /smartlock/auth")
    def update_auths(self, request: Request) -> None:
        for given in self.payload(request, list[MultiUpdate]):
            self._change(request, self.found(self.world.auths, given.id), given)

    @operation("deleteAuth", "DELETE /smartlock/{smartlockId}/auth/{id}")
    def delete_auth(self, request: Request) -> None:
        self._delete(request, self._of(request))

    @operation("deleteAuths", "DELETE /smartlock/auth")
    def delete_auths(self, request: Request) -> None:
        for key in self.payload(request, list[str]):
            self._delete(request, self.found(self.world.auths, key))

    @operation("syncSmartlock", "POST /smartlock/{smartlockId}/sync")
    def sync_smartlock(self, request: Request) -> None:
        lock = self.found(self.world.locks, request["smartlockId"])
        self._store("sync", str(lock["smartlockId"]), {})

    def _create(self, request: Request, given: Create, locks: list[str]) -> None:
        self._check_paid(request)
        rows = [self.found(self.world.locks, lock) for lock in locks]
        if given.type != CODE and given.accountUserId is None:
            raise bad("accountUserId is needed")
        for lock in rows:
            key = str(lock["smartlockId"])
            if given.type == CODE:
                self._check_code(key, given.code)
            held = [row for row in self.world.auths.values() if row["smartlockId"] == lock["smartlockId"]]
            # How a full lock answers was never seen; it refuses here, so that nobody takes it for done.
            if self.faults.room is not None and sum(row["type"] != KEYPAD for row in held) >= self.faults.room.codes:
                raise bad("too many authorizations")
        if self.fires("lost", request, "createAuth"):
            return
        for lock in rows:
            fields = {**fields_of(given), "type": given.type, "smartlockId": lock["smartlockId"]}
            self._store("create", str(lock["smartlockId"]), fields)

    def _change(self, request: Request, row: Row, given: Update) -> None:
        self._check_paid(request)
        self._check_free(row)
        if given.code is not None and given.code != row.get("code"):
            self._check_code(str(row["smartlockId"]), given.code)
        if not self.fires("lost", request, "updateAuth"):
            fields = fields_of(given)
            if given.code is None:
                fields["code"] = row.get("code")
            self._store("change", str(row["smartlockId"]), fields, auth=row["id"])

    def _delete(self, request: Request, row: Row) -> None:
        self._check_paid(request)
        self._check_free(row)
        if not self.fires("lost", request, "deleteAuth"):
            self._store("delete", str(row["smartlockId"]), {}, auth=row["id"])

    def _check_paid(self, request: Request) -> None:
        if self.faults.not_paid:
            raise Reject(Reply(402))
        if self.fires("busy", request, request.method):
            raise Reject(Reply(423))

    def _check_free(self, row: Row) -> None:
        if any(job["auth"] == row["id"] for job in self.world.jobs.values()):
            raise Reject(Reply(423))

    def _check_code(self, lock: str, code: int | None) -> None:
        text = str(code or "")
        if len(text) != 6 or not set(text) <= set("123456789") or text.startswith("12"):
            raise bad("code must be six digits from 1 to 9, not beginning with 12")
        if not self.has_keypad(lock):
            raise bad("no keypad is paired with this device")
        held = [*self.world.auths.values(), *self.world.leftovers.values()]
        held += [job["fields"] for job in self.world.jobs.values() if job["what"] == "create"]
        if any(str(row["smartlockId"]) == lock and row.get("code") == code for row in held):
            raise Reject(Reply(409, {"detailMessage": "the code exists already"}))

    def has_keypad(self, lock: str) -> bool:
        """Whether a keypad is paired with a lock."""
        return any(row["type"] == KEYPAD and str(row["smartlockId"]) == lock for row in self.world.auths.values())

    # ── what the locks do with them ───────────────────────────────────────────────────────────────────────────────

    def _store(self, what: str, lock: str, fields: Row, auth: str = "") -> None:
        seconds = self.seconds()
        due = self.clock.now() + timedelta(seconds=seconds)
        job: Row = {"what": what, "lock": lock, "auth": auth, "fields": fields, "due": due}
        self.world.jobs[str(self.world.number("job"))] = job
        if not seconds:
            self.settle()

    def settle(self) -> None:
        """The locks that are reached carry out what is due."""
        for key, job in list(self.world.jobs.items()):
            lock = self.world.locks[job["lock"]]
            if job["due"] > self.clock.now() or lock["serverState"] != 0:
                continue
            del self.world.jobs[key]
            getattr(self, f"_do_{job['what']}")(job)

    def _do_create(self, job: Row) -> None:
        key = self.new_id()
        now = moment_text(self.clock.now())
        row = {
            "id": key,
            "authId": self.world.number("auth"),
            "lockCount": 0,
            **job["fields"],
            "creationDate": now,
            "updateDate": now,
        }
        self.world.auths[key] = row
        self._announce(row, deleted=False)

    def _do_change(self, job: Row) -> None:
        row = self.world.auths.get(job["auth"])
        if row is not None:
            changed = {**row, **job["fields"], "updateDate": moment_text(self.clock.now())}
            self.world.auths[row["id"]] = changed
            self._announce(changed, deleted=False)

    def _do_delete(self, job: Row) -> None:
        row = self.world.auths.get(job["auth"])
        if row is None:
            return
        if self.faults.ghost_delete:
            self.world.leftovers[row["id"]] = {**row, "listed": True}
            return
        del self.world.auths[row["id"]]
        if self.faults.leftover_code:
            self.world.leftovers[row["id"]] = row
        self._announce(row, deleted=True)

    def _do_sync(self, job: Row) -> None:
        """Ghosts go when the lock is read anew."""
        for key, row in list(self.world.leftovers.items()):
            if str(row["smartlockId"]) != job["lock"]:
                continue
            del self.world.leftovers[key]
            if row.get("listed") and self.world.auths.pop(key, None) is not None:
                self._announce(row, deleted=True)

    def _announce(self, row: Row, *, deleted: bool) -> None:
        names = ("id", "smartlockId", "authId", "code", "type", "name", "enabled", *WINDOW[:2])
        about = {name: row[name] for name in names if row.get(name) is not None}
        if deleted:
            about = {name: row[name] for name in ("id", "smartlockId")}
        self.announce({"feature": "DEVICE_AUTHS", "deleted": deleted, "smartlockAuth": about})

    def announce(self, event: Mapping[str, Any]) -> None:
        """Tell every webhook that wants to know, signed with its secret."""
        body = msgspec.json.encode(event)
        for key, hook in self.world.hooks.items():
            if event["feature"] not in hook["webhookFeatures"]:
                continue
            signed = hmac.new(self.world.secrets[key].encode(), body, hashlib.sha256).hexdigest()
            number = str(self.world.number("delivery"))
            self.world.deliveries[number] = {"id": number, "feature": event["feature"], "succeeded": None}
            self.tell(
                Delivery(
                    event=event["feature"],
                    headers={"X-Nuki-Signature-SHA256": signed},
                    body=body,
                    address=hook["webhookUrl"],
                    done=lambda ok, number=number: self._delivered(number, ok),  # type: ignore[misc]
                )
            )

    def _delivered(self, number: str, ok: bool) -> None:
        self.world.deliveries[number] = {**self.world.deliveries[number], "succeeded": ok}
