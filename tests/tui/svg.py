"""A frame of the terminal UI as a small SVG that asks nobody for anything: text as text, in the machine's own font."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from rich.segment import Segment
from rich.style import Style

__all__ = ["picture"]

WIDE, HIGH = 8.4, 18
"""Of a cell, in pixels; text is stretched to it, whatever font is there."""
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def picture(app: Any, title: str) -> str:
    """What the app shows now, with what stands behind a dialog."""
    width, height = app.size
    screen = app.screen
    update = screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    strips = [[segment for strip in line for segment in strip] for line in update.strips]
    background = app.theme_variables["background"]
    classes: dict[str, str] = {}
    parts: list[str] = []
    for row, strip in enumerate(strips[:height]):
        parts += _row(row, strip, background, classes)
    pixels = (round(width * WIDE), height * HIGH)
    styles = "".join(f".{name}{{{css}}}" for css, name in classes.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {pixels[0]} {pixels[1]}" role="img" '
        'shape-rendering="crispEdges">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>text{{font:14px {FONT};white-space:pre}}{styles}</style>\n"
        f'<rect width="100%" height="100%" fill="#{background.lstrip("#").lower()}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _row(row: int, strip: Sequence[Segment], background: str, classes: dict[str, str]) -> list[str]:
    """One line: what is behind the text first, then the text, each run of one look as one element."""
    found: list[str] = []
    texts: list[str] = []
    column = 0
    for text, style in _runs(strip):
        cells = Segment(text).cell_length
        front, back, bold, struck = _look(style)
        x, y = round(column * WIDE, 1), row * HIGH
        if back and back != background.lstrip("#").lower():
            found.append(f'<rect x="{x:g}" y="{y}" width="{round(cells * WIDE, 1):g}" height="{HIGH}" fill="#{back}"/>')
        words = text.rstrip()
        if words.strip():
            lead = len(words) - len(words.lstrip())
            words = words.lstrip()
            css = f"fill:#{front}" + (";font-weight:bold" if bold else "")
            css += ";text-decoration:line-through" if struck else ""
            name = classes.setdefault(css, f"c{len(classes)}")
            at, long = round((column + lead) * WIDE, 1), round(Segment(words).cell_length * WIDE, 1)
            where = f'x="{at:g}" y="{y + 14}" textLength="{long:g}"'
            texts.append(f'<text class="{name}" {where}>{escape(words, quote=False)}</text>')
        column += cells
    return found + texts


def _runs(strip: Sequence[Segment]) -> list[tuple[str, Style]]:
    runs: list[tuple[str, Style]] = []
    for text, style, control in strip:
        if control or not text:
            continue
        look = style or Style()
        text = text.replace("\u00a0", " ")
        if runs and _look(runs[-1][1]) == _look(look):
            runs[-1] = (runs[-1][0] + text, look)
        else:
            runs.append((text, look))
    return runs


def _look(style: Style) -> tuple[str, str, bool, bool]:
    front, back = (
        "" if colour is None else colour.get_truecolor(foreground=place).hex.lstrip("#").lower()
        for colour, place in ((style.color, True), (style.bgcolor, False))
    )
    if style.reverse:
        front, back = back, front
    return front or "e2e7f0", back, bool(style.bold), bool(style.strike)
