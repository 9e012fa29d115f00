"""A kit that passes everything says nothing: each of its tests fails for one mistake, and no other test does."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import grants
from hub.scaffold import KINDS, make_plugin
from hub.testing.conformance import Conformance, run_kit
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import needs_of
from plugins.exivo import access
from plugins.exivo.conformance import Kit as ExivoKit
from tests.testing.mutants import MUTANTS, Mutant

GROUPS_ONLY = {"test_a_moved_end_is_brought_up_to_date"}
"""What is asked of locks with access groups, which no template is."""


@contextmanager
def made(kind: str, folder: Path, *changes: tuple[str, str, str]) -> Iterator[type[Kit]]:
    """A new plugin, with mistakes."""
    name = f"mut-{kind}"
    package = make_plugin(name, kind, folder / "made").package
    before = set(sys.modules)
    for file, old, new in changes:
        path = folder / "made" / package / file
        text = path.read_text()
        assert text.count(old) >= 1, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))
    sys.path.insert(0, str(folder / "made"))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(f"{package}.conformance").Kit
    finally:
        sys.path.remove(str(folder / "made"))
        for module in set(sys.modules) - before:
            del sys.modules[module]


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract of the made-up lock."""
    folder = tmp_path_factory.mktemp("contract")
    with made("lock", folder) as good:
        simulator: Any = good.described().simulator
        paths: dict[str, Any] = {}
        for one in simulator.operations():
            paths.setdefault(one.template, {})[one.method.lower()] = {"operationId": one.name}
    file = folder / "api.json"
    file.write_text(json.dumps({"paths": paths}))
    return file


def failed(kit: type[Kit], contract: Path | None = None) -> list[str]:
    """The tests that fail. `contract` is a lock's."""
    if contract is not None and kit.described().kind == "lock":
        kit = type("Contracted", (kit,), {"contract": contract})
    return [one.test for one in run_kit(kit) if one.state == "failed"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_without_mistakes_passes(tmp_path: Path, contract: Path, kind: str) -> None:
    """Otherwise what a mutant fails could be nobody's mistake."""
    with made(kind, tmp_path) as kit:
        assert failed(kit, contract) == []


def test_there_is_a_mistake_for_every_test_of_the_kit() -> None:
    """A test of which nobody knows that it can fail is none."""
    promises = {name for name in dir(Conformance) if needs_of(getattr(Conformance, name)) is not None}
    assert promises == {mutant.test for mutant in MUTANTS} | GROUPS_ONLY


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.test for mutant in MUTANTS])
def test_one_mistake_fails_one_test(tmp_path: Path, contract: Path, mutant: Mutant) -> None:
    """So whoever breaks something is told what."""
    with made(mutant.kind, tmp_path, *mutant.changes) as kit:
        assert failed(kit, contract) == [mutant.test]


def test_a_moved_end_that_is_not_written_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a lock with groups: exivo that forgets to write dates of people whom it knows."""
    grant = access.grant

    async def forgets(api: Any, wanted: grants.Grant) -> grants.Granted:
        if wanted.valid_until is not None and wanted.valid_until.year > 2027:
            wanted = type(wanted)(
                **{
                    **{name: getattr(wanted, name) for name in wanted.__struct_fields__},
                    "valid_until": wanted.valid_until - timedelta(days=365),
                }
            )
        return await grant(api, wanted)

    monkeypatch.setattr(access, "grant", forgets)
    assert failed(ExivoKit) == ["test_a_moved_end_is_brought_up_to_date"]


# ── under pytest ──────────────────────────────────────────────────────────────────────────────────────────────────────

pytest_plugins = ["pytester"]

FOUR_LINES = """
from hub.testing.conformance import Conformance
from plugins import exivo

class TestExivo(Conformance):
    plugin = exivo
    exempt = {exempt!r}
"""


@pytest.mark.parametrize(
    ("exempt", "outcomes"),
    [
        ({}, {"passed": 41}),
        ({"test_a_person_is_made_once": "exivo is somebody else's and this is a try"}, {"passed": 40, "skipped": 1}),
        ({"test_a_person_is_made_once": "no"}, {"passed": 40, "failed": 1}),
        ({"test_a_person_is_made_once": ""}, {"passed": 40, "failed": 1}),
        ({"test_of_something_else": "a reason that is long enough"}, {"passed": 40, "failed": 1}),
    ],
)
def test_four_lines_are_a_class_of_tests(
    pytester: pytest.Pytester, exempt: dict[str, str], outcomes: dict[str, int]
) -> None:
    """Named ones; an exemption shows as skipped with its reason, and one that says nothing is a failure."""
    pytester.makepyfile(FOUR_LINES.format(exempt=exempt))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", "-rs", "-v")
    result.assert_outcomes(**outcomes)
    if "skipped" in outcomes:
        result.stdout.fnmatch_lines(["*somebody else's and this is a try*"])
    result.stdout.fnmatch_lines(["*TestExivo::test_a_lost_answer_makes_no_double PASSED*"])


def test_the_kit_needs_no_pytest(pytester: pytest.Pytester) -> None:
    """`studiohub plugin check` runs where only the plugin is installed."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "from hub.testing.conformance import run_kit\n"
        "from plugins.booking.files.conformance import Kit\n"
        "assert all(one.state != 'failed' for one in run_kit(Kit))\n"
    )
    assert pytester.run(sys.executable, "-c", code).ret == 0
