"""Errors, sorted by what they mean for the work at hand.

Each says three things: what does not work for whom (`what`), what the vendor said (`said`) and what to do next
(`fix`). Plugins raise these and nothing else; a vendor's own exception is translated once, where it is caught. Known
secrets are masked when an error is made.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub import redact

__all__ = [
    "Conflict",
    "FixRecord",
    "FixSettings",
    "HubError",
    "LaneBusy",
    "LostLease",
    "NotFound",
    "NotYet",
    "PluginError",
    "Refused",
    "RetryLater",
    "Unconfirmed",
    "UserError",
    "VendorError",
]


class HubError(Exception):
    """Base of every error that the hub shows to a person."""

    code = "error"

    def __init__(self, what: str, *, said: str = "", fix: str = "", code: str | None = None) -> None:
        self.what = redact.mask(what)
        self.said = redact.mask(said)
        self.fix = redact.mask(fix)
        super().__init__(self.what)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        parts = [self.what]
        if self.said:
            parts.append(f"It said: {self.said}")
        if self.fix:
            parts.append(self.fix)
        return " ".join(part if part.endswith((".", "!", "?", "…")) else f"{part}." for part in parts)


class UserError(HubError):
    """What was typed, or a file that was handed in, can't be used. The command ends with exit code 2."""

    code = "usage"


class PluginError(HubError):
    """A plugin broke its contract: it raised something unknown, took too long, or answered with the wrong type."""

    code = "plugin"


class LaneBusy(HubError):
    """Another process is working on this connection."""

    code = "busy"


class LostLease(HubError):
    """Another process has taken over the lane; what this one was about to do is dropped."""

    code = "lost_lease"


class VendorError(HubError):
    """Base of what a vendor can do to us."""

    code = "vendor_error"
    made: str | None = None
    """The vendor's id of a part that stands, or will stand, although the whole failed (a plugin sets it on what
    `grant_access` raises). The hub keeps it, so that what was made can be taken back whatever comes next."""


class RetryLater(VendorError):
    """The vendor is down, slow or asks for a pause. Nothing was changed, or repeating is harmless.

    `after` is how long the vendor asked us to wait; None if it did not say.
    """

    code = "vendor_busy"

    def __init__(
        self, what: str, *, said: str = "", fix: str = "", code: str | None = None, after: timedelta | None = None
    ) -> None:
        super().__init__(what, said=said, fix=fix, code=code)
        self.after = after


class NotYet(VendorError):
    """Nothing is wrong, and it can't be done now: there is no room, or it is too early. Nothing was changed.

    It waits without counting as failed, and is tried again at `at` (None: in some minutes). With a `fix`, somebody
    should do something, and the inbox says so.
    """

    code = "not_yet"

    def __init__(
        self, what: str, *, said: str = "", fix: str = "", code: str | None = None, at: datetime | None = None
    ) -> None:
        super().__init__(what, said=said, fix=fix, code=code)
        self.at = at


class Unconfirmed(VendorError):
    """A call that changes something was sent and its answer is lost. Look at the vendor before repeating it."""

    code = "unconfirmed"


class FixSettings(VendorError):
    """The connection can't work until a person changes its settings or the vendor's (a key, a missing service)."""

    code = "settings"


class FixRecord(VendorError):
    """This one record can't be done until a person changes it here or at the vendor. The others go on."""

    code = "record"


class Conflict(FixRecord):
    """Something at the vendor is not ours, or not ours any more, and we don't touch it."""

    code = "conflict"


class NotFound(VendorError):
    """The vendor doesn't know this id."""

    code = "not_found"


class Refused(VendorError):
    """The vendor answered 400 to a write: bad input, unknown id, or a state that already holds. Read, then judge."""

    code = "refused"
