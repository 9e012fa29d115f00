"""The pages for integrators say what the code does."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub import http
from hub.http import Client
from hub.quality.rules import RULES, page
from hub.testing import Faults
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.webhooks import WebhookKit
from tests.vendor_pair.cluster import ROOT

PAGES = ROOT / "docs" / "plugins"
QUALITY, SIMULATORS = ((PAGES / name).read_text(encoding="utf-8") for name in ("quality.md", "simulators.md"))


def test_the_rules_are_on_their_page_as_the_code_has_them() -> None:
    """`hub.quality.rules.page` writes them; nothing is written twice by hand."""
    assert QUALITY.partition("## The rules\n\n")[2] == page()
    assert len(RULES) == page().count("#### `")


def test_what_a_kit_can_be_told_is_on_the_page() -> None:
    """Each name in the table is one of the kit, and none is missing."""
    named = set(re.findall(r"^\| `(\w+)(?:\(\w*\))?` \|", QUALITY, re.MULTILINE))
    own = {name for name in vars(Kit) if not name.startswith("_")}
    inner = {"described", "hooks", "excused", "promises", "vendor", "wrong_settings", "exempted"}
    assert named == (own - inner) | {"announce"}
    assert "announce" in vars(WebhookKit)


def test_every_fault_switch_is_on_the_page() -> None:
    """And no other."""
    table = SIMULATORS.partition("## Fault switches")[2].partition("Options of all")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(Faults.names())


async def test_the_simulator_of_the_page_works() -> None:
    """It keeps strangers out, answers, counts, and takes faults and acts."""
    space: dict[str, Any] = {"__name__": "bell"}
    for block in re.findall(r"^```python\n(.*?)^```", SIMULATORS, re.DOTALL | re.MULTILINE):
        exec(block, space)
    assert "rings_are_counted_late" in space["BellFaults"].names()
    bell = space["BellSimulator"]()
    async with http.answering("http://bell.test", bell):
        stranger = Client("http://bell.test", name="stranger", attempts=1)
        ours = Client("http://bell.test", name="ours", headers={"x-key": "bell-simulated-key"}, attempts=1)
        with pytest.raises(Exception, match="refused"):
            await stranger.get("/v2/doors")
        await ours.call("POST", "/v2/doors/d-1/ring", json={})
        await ours.call("POST", "/_simulator/ring", json={"door": "d-1"})
        assert (await ours.get("/v2/doors")).json()["doors"][0]["rings"] == 2
        bell.faults.set("half_page")
        assert (await ours.get("/v2/doors")).json()["doors"] == []
        await stranger.aclose()
        await ours.aclose()


def test_links_between_the_pages_lead_somewhere() -> None:
    """To a page that there is, and to a heading on it."""
    for file in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]*)(?:#[\w-]+)?\)", file.read_text(encoding="utf-8")):
            assert not target or target.startswith("http") or (PAGES / target).exists(), f"{file.name}: {target}"
