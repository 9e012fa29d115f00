"""A plugin's grade is what is found, and its grade file says no more and no less."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hub.cli.app import run
from hub.errors import PluginError
from hub.plugins import Plugins
from hub.quality import check
from hub.quality.check import Finding, check_plugin, grade_of
from hub.quality.file import NAME, GradeFile, grade_file
from hub.quality.rules import GRADES, RULES
from hub.scaffold import make_plugin
from hub.testing.conformance import Conformance
from hub.testing.conformance.promise import needs_of
from tests.quality.stranger import Elsewhere, build, install
from tests.vendor_pair.cluster import ROOT

PLUGINS = Plugins.discover()
KEPT = {"hub", "plugins", "tui", "pyproject.toml", "README.md", "LICENSE"}


@pytest.mark.parametrize("name", sorted(PLUGINS.loaded))
def test_every_shipped_plugin_is_what_its_grade_file_says(name: str) -> None:
    """A better grade has to be written down, a worse one explained."""
    checked = check_plugin(PLUGINS, name)
    assert checked.refused == ()
    lacks = [f"{one.rule.id}: {one.why}" for one in checked.findings if one.state == "not_met"]
    assert checked.grade == checked.says, lacks
    assert checked.good


def test_every_promise_of_the_kit_counts_for_a_rule() -> None:
    """A test that no rule names could fail without costing anything."""
    promises = {name for name in dir(Conformance) if needs_of(getattr(Conformance, name)) is not None}
    named = {test for rule in RULES for test in rule.tests}
    assert promises == named


def test_rules_stand_in_the_order_of_their_grades_and_give_reasons() -> None:
    """Whoever reads from the top meets what matters most."""
    grades = [GRADES.index(rule.grade) for rule in RULES]
    assert grades == sorted(grades)
    assert set(grades) == {1, 2, 3, 4}
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.text and rule.why for rule in RULES)


@pytest.mark.parametrize(
    ("missing", "grade"), [("bronze", "none"), ("silver", "bronze"), ("gold", "silver"), ("platinum", "gold")]
)
def test_a_grade_needs_everything_below_it(missing: str, grade: str) -> None:
    """One rule that is not met stops the climb, whatever is met above it."""
    first = next(rule for rule in RULES if rule.grade == missing)
    findings = [Finding(rule, "not_met" if rule is first else "met") for rule in RULES]
    assert grade_of(findings) == grade
    assert grade_of([Finding(rule, "exempt") for rule in RULES]) == "platinum"


REASON = "a reason that is long enough to say something"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (GradeFile(grade="silver", claims={"own-tests": "  "}), "[claims] own-tests gives no reason"),
        (GradeFile(grade="silver", claims={"own-tests": "yes"}), "[claims] own-tests gives no reason"),
        (GradeFile(grade="silver", claims={"best-of-all": REASON}), "there is no such rule"),
        (GradeFile(grade="silver", claims={"idempotent": REASON}), "found by the machine"),
        (GradeFile(grade="silver", exempt={"idempotent": ""}), "[exempt] idempotent gives no reason"),
        (GradeFile(grade="silver", exempt={"nothing": REASON}), "there is no such rule"),
        (GradeFile(grade="silver", kit={"test_a_person_is_made_once": "no"}), "[kit] test_a_person_is_made_once"),
        (GradeFile(grade="golden"), "it is one of none, bronze"),
    ],
)
def test_a_grade_file_that_says_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, said: GradeFile, words: str
) -> None:
    """A claim is worth what speaks for it."""
    monkeypatch.setattr(check, "grade_file", lambda module: said)
    monkeypatch.setattr(check, "_run", lambda kit: {})
    checked = check_plugin(PLUGINS, "files")
    assert any(words in mistake for mistake in checked.refused), checked.refused
    assert not checked.good


def test_a_grade_file_that_claims_too_much_is_no_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not one that hides a better grade."""
    for grade in ("platinum", "bronze"):
        monkeypatch.setattr(
            check, "grade_file", lambda module, grade=grade: GradeFile(grade=grade, docs="docs/files.md")
        )
        monkeypatch.setattr(check, "grade_of", lambda findings: "silver")
        assert not check_plugin(PLUGINS, "files").good


@pytest.mark.parametrize("text", ["grade = ", "[claims]\nown-tests = 1", 'colour = "red"'])
def test_a_grade_file_that_can_t_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """With its name, and what it should hold."""
    (tmp_path / "grade_less").mkdir()
    (tmp_path / "grade_less" / "__init__.py").touch()
    (tmp_path / "grade_less" / NAME).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "grade_less", raising=False)
    module: Any = __import__("grade_less")
    with pytest.raises(PluginError, match=r"quality\.toml"):
        grade_file(module)


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_says_rule_by_rule_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    """And the same as JSON."""
    assert run(["plugin", "check", "files"]) == 0
    said = capsys.readouterr().out
    assert all(rule.id in said for rule in RULES)
    assert "files is gold" in said
    assert run(["plugin", "check", "files", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["plugin"], read["grade"], read["says"], read["refused"]) == ("files", "gold", "gold", [])
    assert [one["id"] for one in read["rules"]] == [rule.id for rule in RULES]
    assert run(["plugin", "check", "flies"]) == 2
    assert "files" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Acme", "1st", "a b", "../up", "class", "x" * 30, ""])
def test_a_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written."""
    assert run(["plugin", "new", name, str(tmp_path / "made")]) == 2
    assert not (tmp_path / "made").exists()


def test_the_name_of_an_installed_plugin_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two with one name only one would be loaded."""
    assert run(["plugin", "new", "nuki", str(tmp_path / "made")]) == 2
    assert "there is a plugin 'nuki' already, from studiohub" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """Nobody's files are written over."""
    (tmp_path / "thesis.txt").write_text("mine")
    assert run(["plugin", "new", "acme", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_new_plugin_is_bronze_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of the kit passes; only its author can say what is particular to the vendor, and silver asks that."""
    for kind in ("lock", "source", "tracker"):
        made = make_plugin(f"made-{kind}", kind, tmp_path / kind)
        monkeypatch.syspath_prepend(made.folder)
        plugins = Plugins()
        plugins.register(__import__(made.package), name=f"made-{kind}")
        checked = check_plugin(plugins, f"made-{kind}")
        assert checked.good, [(one.rule.id, one.why) for one in checked.findings if one.state == "not_met"]
        assert checked.grade == "bronze"
        assert next(one.rule.id for one in checked.findings if one.state == "not_met") == "own-tests"


def test_the_hub_s_own_wheel_brings_templates_and_grade_files(tmp_path: Path) -> None:
    """What is not Python is packaged too: without it neither `new` nor `check` works where the hub is installed."""
    project = tmp_path / "studiohub"
    shutil.copytree(ROOT, project, ignore=lambda folder, names: set(names) - KEPT if folder == str(ROOT) else set())
    names = set(zipfile.ZipFile(build(project, tmp_path / "wheels")).namelist())
    assert "plugins/exivo/quality.toml" in names
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "hub" / "scaffold" / "templates").rglob("*.j2")}
    assert wanted
    assert wanted <= names
    made = Elsewhere(tmp_path, tmp_path / "site")
    install(next((tmp_path / "wheels").glob("*.whl")), made.site)
    for name in ("exivo", "files"):
        checked = made.json("plugin", "check", name)
        assert checked["grade"] == checked["says"]
        page = next(one for one in checked["rules"] if one["id"] == "documented")
        assert (page["state"], "in a checkout" in page["why"]) == ("not_asked", True)
