"""For terminals that have nothing but ASCII: the last thing that happens to a line before it is written."""

from __future__ import annotations

import unicodedata

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

__all__ = ["AsciiFilter", "to_ascii"]

_SHAPES = str.maketrans(
    {
        **dict.fromkeys("▌▐│┃┆", "|"),
        **dict.fromkeys("─━═", "-"),
        **dict.fromkeys("┤└", "+"),
        **dict.fromkeys("–−╌·•", "-"),
        **dict.fromkeys("▁▂", "."),
        **dict.fromkeys("▃▄▅", "+"),
        **dict.fromkeys("▆▇█▓", "#"),
        **dict.fromkeys("▒░", ":"),
        **dict.fromkeys("→▶▸", ">"),
        **dict.fromkeys("“”„", '"'),
        **dict.fromkeys("‘’", "'"),
        **dict.fromkeys("←◀", "<"),
        "◆": "*",
        "●": "*",
        "◐": ">",
        "○": ".",
        "✖": "x",
        "▲": "!",
        "◌": "o",
        "✎": "%",
        "…": "~",
        "↑": "^",
        "↓": "v",
        "⏎": "<",
    }
)


def to_ascii(text: str) -> str:
    """The text in ASCII, as wide as before: shapes become the nearest sign, letters lose their marks."""
    if text.isascii():
        return text
    found = text.translate(_SHAPES)
    if found.isascii():
        return found
    return "".join(one if one.isascii() else _bare(one) for one in found)


def _bare(letter: str) -> str:
    base = unicodedata.normalize("NFKD", letter)[:1]
    shown = base if base.isascii() and base else "?"
    return (
        shown * 2
        if unicodedata.east_asian_width(letter) in "WF"
        else shown
        if not unicodedata.combining(letter)
        else ""
    )


class AsciiFilter(LineFilter):
    """Everything that is drawn, in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace the text, keep the styles."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
