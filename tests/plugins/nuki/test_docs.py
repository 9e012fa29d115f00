"""The page for admins says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hub.testing import Faults
from plugins.nuki.settings import NukiSettings
from plugins.nuki.simulator import LOCKS, NukiFaults
from plugins.resivo.settings import ResivoSettings
from plugins.resivo.simulator import ResivoFaults

DOCS = Path(__file__).parents[3] / "docs"
PAGES: list[tuple[str, Any, Any]] = [
    ("nuki", NukiSettings, NukiFaults),
    ("resivo", ResivoSettings, ResivoFaults),
]


def _page(name: str) -> tuple[str, dict[str, Any]]:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return text, tomllib.loads(block)


@pytest.mark.parametrize(("name", "model", "faults"), PAGES)
def test_every_setting_and_every_switch_of_its_own_is_explained(name: str, model: Any, faults: Any) -> None:
    text, page = _page(name)
    [section] = page["connections"]
    usual = {"base_url", "every"}
    assert set(model.model_fields) - usual <= section.keys()
    own = set(faults.names()) - set(Faults.names())
    words = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", text))))
    assert own <= words, own - words


@pytest.mark.parametrize(("name", "model", "faults"), PAGES)
def test_the_example_can_be_used_and_shows_what_is_usual(name: str, model: Any, faults: Any) -> None:
    [section] = _page(name)[1]["connections"]
    secrets = dict.fromkeys(model.secret_names(), "x")
    given = {key: value for key, value in section.items() if key in model.model_fields}
    shown = model(**{**given, **secrets})
    needed = {key: value for key, value in given.items() if model.model_fields[key].is_required()}
    plain = model(**{**needed, **secrets, **({"experimental": True} if name == "resivo" else {})})
    unlike = {key for key in given if getattr(shown, key) != getattr(plain, key)} - {"requests_per_second"}
    assert not unlike


def test_the_locks_of_the_page_are_the_simulators() -> None:
    [row] = _page("nuki")[1]["resources"]
    assert set(row["locks"]) <= LOCKS.keys()
