"""How it looks: two themes with enough contrast everywhere, and one shape and word for every state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text
from textual.theme import Theme

__all__ = [
    "DARK",
    "LIGHT",
    "PLAN",
    "STATES",
    "TEXTURE",
    "State",
    "ascii_only",
    "bar",
    "glyph",
    "is_ascii",
    "state",
    "texture",
]


def _theme(name: str, *, dark: bool, colours: str) -> Theme:
    keys = (
        "bg",
        "surface",
        "panel",
        "row",
        "text",
        "muted",
        "faint",
        "accent",
        "created",
        "progress",
        "failed",
        "info",
    )
    c = dict(zip(keys, (f"#{one}" for one in colours.split()), strict=True))
    return Theme(
        name=name,
        dark=dark,
        primary=c["accent"],
        secondary=c["info"],
        accent=c["accent"],
        background=c["bg"],
        surface=c["surface"],
        panel=c["panel"],
        foreground=c["text"],
        success=c["created"],
        warning=c["progress"],
        error=c["failed"],
        variables={
            "row": c["row"],
            "muted": c["muted"],
            "faint": c["faint"],
            "created": c["created"],
            "progress": c["progress"],
            "failed": c["failed"],
            "info": c["info"],
            "scrollbar": c["row"],
            "scrollbar-hover": c["faint"],
            "scrollbar-active": c["muted"],
            "scrollbar-background": c["surface"],
            "scrollbar-background-hover": c["surface"],
            "scrollbar-background-active": c["surface"],
            "scrollbar-corner-color": c["surface"],
        },
    )


DARK = _theme(
    "hub-dark",
    dark=True,
    colours="10131a 151a23 1c2330 293346 e2e7f0 a7b1c2 939db0 9aa5ff 56c2a6 e9bf55 ff7a66 6fb3f2",
)
LIGHT = _theme(
    "hub-light",
    dark=False,
    colours="f6f4ef fffdf8 efece4 dfe1f0 1d2330 4b5464 586172 4348bd 0b6a54 7d5200 b3261e 1c5aa6",
)


@dataclass(frozen=True)
class State:
    """A state as it is shown: a shape, the same in ASCII, a word, and the theme's colour, which only helps."""

    glyph: str
    ascii: str
    word: str
    colour: str
    bold: bool = False


STATES: Mapping[str, State] = {
    "in_progress": State("◐", ">", "in progress", "progress"),
    "created": State("●", "*", "created", "created"),
    "removed": State("○", ".", "removed", "muted"),
    "failed": State("✖", "x", "failed", "failed", bold=True),
    "unknown": State("▲", "!", "unknown", "progress"),
    "running": State("◐", ">", "running", "progress"),
    "done": State("●", "*", "done", "created"),
    "held": State("▲", "!", "held", "progress"),
    "broken": State("✖", "x", "failed", "failed", bold=True),
    "stopped": State("○", ".", "stopped", "muted"),
    "warning": State("▲", "!", "look here", "progress"),
    "planned": State("◌", "o", "planned", "info"),
    "ok": State("●", "*", "fine", "created"),
}
"""Everything that can be so, by the word that the hub has for it."""

PLAN: Mapping[str, State] = {
    "create": State("+", "+", "create", "created"),
    "change": State("~", "~", "change", "info"),
    "remove": State("−", "-", "remove", "failed", bold=True),
    "held": State("▲", "!", "held", "progress"),
    "blocked": State("▲", "!", "blocked", "progress"),
}
TEXTURE: Mapping[str, tuple[str, str]] = {
    "create": ("█", "#"),
    "change": ("▓", "="),
    "remove": ("▒", "-"),
    "held": ("░", "."),
    "blocked": ("░", "."),
    "unchanged": ("─", "_"),
}
"""What a plan's bar is drawn with, and in ASCII."""

_ascii = False


def ascii_only(on: bool) -> None:
    """Draw with ASCII alone from now on: for terminals that have nothing else."""
    global _ascii
    _ascii = on


def is_ascii() -> bool:
    """Whether only ASCII is drawn."""
    return _ascii


def state(name: str) -> State:
    """How a state is shown; one that nobody knows is shown by its name."""
    return STATES.get(name) or State("▲", "!", name.replace("_", " "), "progress")


def glyph(one: State) -> str:
    """The shape, as this terminal can show it."""
    return one.ascii if _ascii else one.glyph


def texture(name: str) -> str:
    """What a plan's bar is drawn with for one kind of line."""
    return TEXTURE[name][_ascii]


def bar(share: float, width: int, colour: str, faint: str) -> Text:
    """How much is done, in two shapes: never one in two colours."""
    full, empty = ("=", ".") if _ascii else ("━", "╌")
    done = max(0, min(width, round(share * width)))
    return Text.assemble((full * done, colour), (empty * (width - done), faint))
