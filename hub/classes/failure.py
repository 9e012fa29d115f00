"""What a failed call does to its row: when it is tried again, and what is not known any more."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from hub import redact
from hub.errors import FixRecord, HubError, PluginError, Refused, RetryLater, Unconfirmed

__all__ = ["after_failure"]

FIRST_RETRY = timedelta(seconds=30)
RETRY_SILENCE = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=1)


def after_failure(error: HubError, attempts: int, now: datetime, *, uncertain: bool) -> dict[str, Any]:
    """The columns that every failed row gets. A class doesn't wait for hours: nothing here pauses longer than one.
    `uncertain`: its last answer was lost already."""
    attempts += 1
    wait = min(FIRST_RETRY * 2 ** min(attempts - 1, 12), LONGEST_RETRY)
    if isinstance(error, FixRecord | Refused):
        wait = LONGEST_RETRY
    elif isinstance(error, RetryLater):
        wait = error.after if error.after is not None else min(wait, RETRY_SILENCE)
    lost = isinstance(error, Unconfirmed | PluginError)
    unknown = lost or (uncertain and not isinstance(error, FixRecord | Refused))
    detail = {
        "code": error.code,
        "what": redact.mask(error.what),
        "said": redact.mask(error.said),
        "fix": redact.mask(error.fix),
    }
    return {
        "error": json.dumps(detail),
        "attempts": attempts,
        # A lost answer is looked after at once, but not for ever: what stays unclear waits like any other.
        "next_try_at": now if isinstance(error, Unconfirmed) and attempts <= 3 else now + wait,
        "state": "unknown" if unknown else "failed",
        "settled": False,
        "changed_at": now,
    }
