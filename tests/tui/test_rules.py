"""What must hold whatever is shown: contrast, a shape and a word for every state, ASCII, and no secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from tests.tui.pilot import opened
from tui.ascii import to_ascii
from tui.plan_rows import shares
from tui.theme import DARK, LIGHT, PLAN, STATES, TEXTURE
from tui.words import clean, short_mails

GROUNDS = ("background", "surface", "panel", "row")
WORDS = ("foreground", "muted", "faint", "accent", "created", "progress", "failed", "info")


def colour(theme: Theme, name: str) -> Color:
    found = theme.variables.get(name) or getattr(theme, name)
    return Color.parse(found)


def luminance(colour: Color) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(colour.r) + 0.7152 * linear(colour.g) + 0.0722 * linear(colour.b)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("word", WORDS)
def test_every_text_can_be_read_on_every_ground(theme: Theme, ground: str, word: str) -> None:
    one, other = sorted((luminance(colour(theme, ground)), luminance(colour(theme, word))), reverse=True)
    assert (one + 0.05) / (other + 0.05) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_what_is_chosen_can_be_read_on_the_accent(theme: Theme) -> None:
    one, other = sorted((luminance(colour(theme, "accent")), luminance(colour(theme, "background"))), reverse=True)
    assert (one + 0.05) / (other + 0.05) >= 4.5


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
async def test_it_begins_in_the_colours_that_were_asked_for(
    theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, theme=theme.name) as (_, app, _):
        assert app.screen.styles.background == colour(theme, "background")
        assert app.theme_variables["muted"] == theme.variables["muted"]
        assert app.has_class("-dark-mode") is theme.dark


def test_statuses_of_grants_differ_in_shape_ascii_and_word() -> None:
    shown = [STATES[name] for name in ("in_progress", "created", "removed", "failed", "unknown")]
    for part in ("glyph", "ascii", "word"):
        assert len({getattr(one, part) for one in shown}) == len(shown)


def test_every_state_has_a_shape_of_one_cell_an_ascii_sign_and_a_word() -> None:
    for one in (*STATES.values(), *PLAN.values()):
        assert len(one.glyph) == len(one.ascii) == 1
        assert one.ascii.isascii()
        assert one.word


def test_actions_of_a_plan_that_take_and_give_differ_without_colour() -> None:
    doing = [PLAN[name] for name in ("create", "change", "remove", "blocked")]
    for part in ("glyph", "ascii", "word"):
        assert len({getattr(one, part) for one in doing}) == len(doing)
    for place in (0, 1):
        textures = [TEXTURE[name][place] for name in ("create", "change", "remove", "blocked", "unchanged")]
        assert len(set(textures)) == len(textures)


def test_shares_fill_the_bar_and_show_whatever_there_is() -> None:
    cells = dict(shares({"create": 12, "change": 4, "remove": 37, "blocked": 1, "unchanged": 358}, 100))
    assert sum(cells.values()) == 100
    assert cells["blocked"] == 1
    assert cells["change"] == 1
    assert not shares({}, 100)


def test_ascii_is_as_wide_as_what_it_stands_for() -> None:
    for text in ("● created", "Zoé → Straße", "▁▂▃▄▅▆▇█", "●━━▶", "日本"):
        found = to_ascii(text)
        assert found.isascii()
    assert to_ascii("◐ Zoé…") == "> Zoe~"
    assert len(to_ascii("日本")) == 4


def test_names_can_not_move_the_cursor() -> None:
    assert "\x1b" not in clean("Anna\x1b[2JGraf")
    assert clean("two\nlines") == "two\nlines"


def test_e_mail_addresses_are_shortened() -> None:
    assert short_mails("mara.egli@example.org = Spivi 88120") == "mara.e… = Spivi 88120"
