"""The page for admins says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from plugins.spivi import wire
from plugins.spivi.settings import SpiviSettings
from plugins.spivi.simulator import SpiviFaults

PAGE = (Path(__file__).parents[3] / "docs" / "spivi.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))


def blocks() -> dict[str, object]:
    """The TOML of the page, put together."""
    found: dict[str, object] = {}
    for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        found |= tomllib.loads(block)
    return found


def test_every_setting_is_explained() -> None:
    """And every switch of the simulator that is Spivi's own, and every call that is off."""
    usual = set(SpiviFaults.names()) - set(SpiviFaults.__annotations__)
    assert set(SpiviSettings.model_fields) <= WORDS
    assert set(SpiviFaults.names()) - usual <= WORDS
    assert {name for name, call in wire.CALLS.items() if not call.on} <= WORDS
    assert wire.KINDS <= WORDS


def test_the_examples_can_be_used() -> None:
    """The connection of the page, with the names of the page."""
    page = blocks()
    (section,) = page["connections"]  # type: ignore[misc]
    values = {name: value for name, value in section.items() if name not in {"name", "plugin", "policy", "password"}}
    overrides = {name: page[name] for name in ("calls", "fields", "error_codes")}
    settings = SpiviSettings(**values, **overrides, password="x")
    assert settings.box_ids == ("4471",)
    assert settings.tables().calls["update_event"].on
    assert settings.tables().sends("max_hr")
