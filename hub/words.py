"""Small things that sentences need."""

from __future__ import annotations

__all__ = ["counted", "of_kind"]


def counted(number: int, word: str, plural: str = "") -> str:
    """A number with what it counts: `1 row`, `2 rows`. The plural is made with an s, unless it is given."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {plural or f'{word}s'}"


_PLURALS = {
    "pass": "passes",
    "member_pass": "member passes",
    "community": "communities",
    "community_member": "community members",
    "room_plan": "room plans",
}


def of_kind(kind: str, number: int | None = None) -> str:
    """Records of a kind in words, with their number where one is given: `1 booking`, `2 communities`, `passes`."""
    plural = _PLURALS.get(kind, f"{kind.replace('_', ' ')}s")
    return plural if number is None else counted(number, kind.replace("_", " "), plural)
