"""Small things that sentences need."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, word: str, plural: str = "") -> str:
    """A number with what it counts: `1 row`, `2 rows`. The plural is made with an s, unless it is given."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {plural or f'{word}s'}"
