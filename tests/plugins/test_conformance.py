"""Our own plugins keep what the hub expects of a stranger's.

A new one needs a module `conformance` with its `Kit`, a grade file `quality.toml`, and its line here.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from hub.plugins import GROUP
from hub.testing.conformance.kit import Kit
from plugins.booking.anny.conformance import Kit as AnnyKit
from plugins.booking.bsport.conformance import Kit as BsportKit
from plugins.booking.files.conformance import Kit as TestFiles
from plugins.booking.momence.conformance import Kit as MomenceKit
from plugins.booking.sportsnow.conformance import Kit as SportsNowKit
from plugins.exivo.conformance import Kit as ExivoKit
from plugins.nuki.conformance import Kit as NukiKit
from plugins.resivo.conformance import Kit as TestResivo
from plugins.spivi.conformance import Kit as SpiviKit

__all__ = [
    "TestAnny",
    "TestBsport",
    "TestExivo",
    "TestFiles",
    "TestMomence",
    "TestNuki",
    "TestResivo",
    "TestSpivi",
    "TestSportsNow",
]

CONTRACTS = Path(__file__).parents[1] / "vendors"


class TestAnny(AnnyKit):
    contract = CONTRACTS / "anny.openapi.yaml"


class TestBsport(BsportKit):
    contract = CONTRACTS / "bsport.openapi.yaml"


class TestExivo(ExivoKit):
    contract = CONTRACTS / "exivo.openapi.yaml"


class TestMomence(MomenceKit):
    contract = CONTRACTS / "momence.openapi.yaml"


class TestNuki(NukiKit):
    contract = CONTRACTS / "nuki.openapi.yaml"


class TestSpivi(SpiviKit):
    contract = CONTRACTS / "spivi.openapi.yaml"


class TestSportsNow(SportsNowKit):
    contract = CONTRACTS / "sportsnow.openapi.yaml"


def test_every_plugin_of_ours_is_held_to_the_kit() -> None:
    """One that is added and not named here is noticed."""
    entries = importlib.metadata.entry_points(group=GROUP)
    ours = {entry.name for entry in entries if entry.dist is not None and entry.dist.name == "studiohub"}
    kits = [kit for name, kit in globals().items() if name.startswith("Test") and issubclass(kit, Kit)]
    assert {kit.described().name for kit in kits} == ours
