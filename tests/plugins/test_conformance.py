"""Our own plugins keep what the hub expects of a stranger's. A new plugin needs its kit (`conformance.Kit`) and a line
here."""

from __future__ import annotations

from pathlib import Path

from plugins.booking.anny.conformance import Kit as AnnyKit
from plugins.booking.bsport.conformance import Kit as BsportKit
from plugins.booking.files.conformance import Kit as TestFiles
from plugins.booking.momence.conformance import Kit as MomenceKit
from plugins.booking.sportsnow.conformance import Kit as SportsNowKit
from plugins.exivo.conformance import Kit as ExivoKit
from plugins.spivi.conformance import Kit as SpiviKit

__all__ = ["TestAnny", "TestBsport", "TestExivo", "TestFiles", "TestMomence", "TestSpivi", "TestSportsNow"]

CONTRACTS = Path(__file__).parents[1] / "vendors"


class TestAnny(AnnyKit):
    contract = CONTRACTS / "anny.openapi.yaml"


class TestBsport(BsportKit):
    contract = CONTRACTS / "bsport.openapi.yaml"


class TestExivo(ExivoKit):
    contract = CONTRACTS / "exivo.openapi.yaml"


class TestMomence(MomenceKit):
    contract = CONTRACTS / "momence.openapi.yaml"


class TestSpivi(SpiviKit):
    contract = CONTRACTS / "spivi.openapi.yaml"


class TestSportsNow(SportsNowKit):
    contract = CONTRACTS / "sportsnow.openapi.yaml"
