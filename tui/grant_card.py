"""What is known about one grant, in words: the card beside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.text import Text

from hub.access.windows import LONGEST_DAY
from hub.look.grants import GrantView, named
from hub.look.reveal import Kept
from hub.look.story import Event
from tui.questions import keys_line
from tui.theme import bar, glyph, state
from tui.words import clean, moment, short_mails

__all__ = ["SHOWN_FOR", "Story", "grant_card", "period"]

SHOWN_FOR = 10.0
"""Seconds that a code stands in clear."""

Story = tuple[str, Sequence[Event], Kept]
"""A grant's id, what happened to it, and what is kept sealed of it."""

Colours = Mapping[str, str]


def grant_card(
    view: GrantView, story: Story | None, *, code: str | None, colours: Colours, zone: ZoneInfo, now: datetime
) -> Text:
    """The whole card. `story` counts where it is this grant's; `code` is the code where it is shown in clear."""
    shown = state(view.status)
    lines: list[Text] = [
        Text.assemble(
            (f"{glyph(shown)} {shown.word}", f"bold {colours[shown.colour]}"),
            (f"  {view.id[-8:]}", colours["faint"]),
        ),
        Text(),
        Text(clean(view.name or view.member), style="bold"),
        Text(clean(f"{view.opens_text} · {view.target}"), style=colours["muted"]),
        *_elapsed(view, colours, now),
        Text(),
        _field("opens", moment(view.valid_from, zone) or "at once", colours),
        _field("closes", moment(view.valid_until, zone) or "open end", colours),
    ]
    if view.error:
        lines += [Text(), Text(clean(view.error.get("what")), style=f"bold {colours['failed']}")]
        lines += [
            Text(clean(view.error[name]), style=colours["muted"]) for name in ("said", "fix") if view.error.get(name)
        ]
        lines.append(keys_line([("r", "try now"), ("x", "explain")], colours))
        if view.next_try_at is not None:
            lines.append(Text(f"Next try {moment(view.next_try_at, zone)}.", style=colours["muted"]))
    mine = story if story is not None and story[0] == view.id else None
    lines += [
        *(_sealed(mine[2], code, colours) if mine is not None else ()),
        Text(),
        _field("why", clean(view.reason), colours),
        _field("rule", clean(named(view.rule, view.names)) or "–", colours),
        _field("member", clean(view.member), colours),
        _field("made", moment(view.created_at, zone), colours),
    ]
    if mine is not None and mine[1]:
        lines += [Text(), Text("What happened", style="bold")]
        lines += [
            Text.assemble(
                (f"{event.at.astimezone(zone):%-d %b %H:%M:%S} ", colours["faint"]),
                (event.what, colours["foreground"]),
                (f"  {short_mails(clean(event.text))}" if event.text else "", colours["muted"]),
            )
            for event in mine[1]
        ]
    return Text("\n").join(lines)


def _elapsed(view: GrantView, colours: Colours, now: datetime) -> list[Text]:
    """How much of a visit's window is over, while it runs."""
    if view.status != "created" or view.valid_from is None or view.valid_until is None:
        return []
    length = view.valid_until - view.valid_from
    if not view.valid_from <= now < view.valid_until or length > LONGEST_DAY:
        return []
    left = int((view.valid_until - now).total_seconds() // 60)
    share = bar((now - view.valid_from) / length, 24, colours["created"], colours["faint"])
    return [Text.assemble(share, (f"  {left} min left", colours["muted"]))]


def _sealed(kept: Kept, code: str | None, colours: Colours) -> list[Text]:
    """What is kept sealed: that it is there, and the keys for it."""
    lines = []
    if kept.code:
        keys = keys_line([] if code is not None else [("v", f"show for {SHOWN_FOR:.0f} seconds")], colours)
        lines.append(Text.assemble((f"{'code':<8}", colours["faint"]), (code or "••••••", "bold"), "  ", keys))
    if kept.url:
        lines.append(Text.assemble((f"{'URL':<8}", colours["faint"]), "kept  ", keys_line([("c", "copy")], colours)))
    return [Text(), *lines] if lines else []


def _field(name: str, value: str, colours: Colours) -> Text:
    return Text.assemble((f"{name:<8}", colours["faint"]), (value, colours["muted"]))


def period(starts: datetime | None, ends: datetime | None, zone: ZoneInfo) -> str:
    """A window in one line: the day once where both ends are on it."""
    if starts is None and ends is None:
        return "open end"
    if starts is None or ends is None or ends - starts > LONGEST_DAY:
        first = f"{starts.astimezone(zone):%-d %b %Y}" if starts is not None else "…"
        if ends is None:
            return f"from {first}"
        last = ends.astimezone(zone)
        if starts is None:
            return f"until {last:%-d %b %Y}"
        if starts.astimezone(zone).year == last.year:
            return f"{starts.astimezone(zone):%-d %b} – {last:%-d %b %Y}"
        return f"{starts.astimezone(zone):%-d %b %y} – {last:%-d %b %y}"
    one, other = starts.astimezone(zone), ends.astimezone(zone)
    # Past midnight needs no second day where it is over before a whole day is.
    soon = (other.date() - one.date()).days <= 1 and ends - starts < timedelta(days=1)
    end = f"{other:%H:%M}" if soon else f"{other:%a %H:%M}"
    return f"{one:%a %-d %b %H:%M}–{end}"
