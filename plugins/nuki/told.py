"""What is said about a lock: its name, and what is wrong with it."""

from __future__ import annotations

from hub import grants
from plugins.nuki.client import Nuki

__all__ = ["busy", "lock_name", "trouble", "whose"]


async def trouble(api: Nuki, lock: str) -> grants.Note | None:
    """What is wrong between Nuki and a lock, in words; None where nothing is known."""
    seen = (await api.locks()).get(lock)
    if seen is None or seen.online:
        return None
    return grants.Note(
        "lock_offline",
        f"The lock {seen.name} {seen.trouble}, so it has not heard of this yet, and may not before it is back",
        "Check its Wi-Fi or bridge and its batteries.",
    )


async def busy(api: Nuki, lock: str) -> grants.Note:
    """That another change is under way."""
    return grants.Note("lock_busy", f"The lock {await lock_name(api, lock)} is still at another change of this code")


async def lock_name(api: Nuki, lock: str) -> str:
    """What people call a lock."""
    seen = (await api.locks()).get(lock)
    return seen.name if seen is not None else lock


def whose(wanted: grants.Grant) -> str:
    """Who a grant is for, in words."""
    return wanted.label or wanted.member
