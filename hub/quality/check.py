"""Grading one plugin: each rule met, not met, exempt or not run, and the grade that follows."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hub.errors import PluginError
from hub.plugins import Plugins
from hub.quality import code
from hub.quality.file import NAME, GradeFile, grade_file, is_reason
from hub.quality.rules import GRADES, RULES, Grade, Rule

if TYPE_CHECKING:
    from hub.testing.conformance.kit import Kit
    from hub.testing.conformance.run import Outcome

__all__ = ["Checked", "Finding", "check_plugin", "grade_of", "kit_of"]

State = Literal["met", "not_met", "exempt", "not_asked"]


@dataclass(frozen=True)
class Finding:
    """How one rule stands: met, not met, exempt with a reason, or not asked of this kind of plugin. `why` is what is
    missing, what speaks for it, or why it does not fit."""

    rule: Rule
    state: State
    why: str = ""


@dataclass(frozen=True)
class Checked:
    """A plugin and its grade. `says` is the grade file's; `refused` are mistakes in that file, any of which has to be
    mended first."""

    name: str
    grade: Grade
    says: str
    findings: tuple[Finding, ...]
    refused: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether the plugin is what its grade file says, and has a grade at all."""
        return not self.refused and self.grade != "none" and self.says == self.grade


def check_plugin(plugins: Plugins, name: str) -> Checked:
    """Grade an installed plugin; its conformance kit runs on its own simulator, in this process. Raises UserError for
    a plugin that there is not, PluginError for a grade file or a kit that can't be read."""
    plugin, module = plugins[name], plugins.module(name)
    said = grade_file(module) or GradeFile()
    refused = _refusals(said, missing=grade_file(module) is None)
    outcomes = _run(kit_of(module))
    distribution = plugins.versions.get(name, "").rpartition(" ")[0] or None
    looks: dict[str, Callable[[], str | None]] = {
        "documented": lambda: code.documented(module, plugin, said, distribution),
        "fully-typed": lambda: code.fully_typed(module),
        "one-way-out": lambda: code.one_way_out(module),
    }
    findings = []
    for rule in RULES:
        reason = said.exempt.get(rule.id, "")
        if is_reason(reason):
            findings.append(Finding(rule, "exempt", reason))
        elif rule.how == "claim":
            findings.append(_claimed(rule, said, outcomes))
        elif rule.how == "code":
            lacks = looks[rule.id]()
            if lacks is None:
                why = f"{said.docs} is not installed with it; this is looked at in a checkout"
                findings.append(Finding(rule, "not_asked", why))
            else:
                findings.append(Finding(rule, "not_met" if lacks else "met", lacks))
        else:
            findings.append(_tested(rule, outcomes))
    return Checked(name, grade_of(findings), said.grade, tuple(findings), tuple(refused))


def grade_of(findings: Sequence[Finding]) -> Grade:
    """The highest grade of which, and of all below which, no rule that is asked is unmet."""
    reached: Grade = "none"
    for grade in GRADES[1:]:
        if any(finding.rule.grade == grade and finding.state == "not_met" for finding in findings):
            return reached
        reached = grade
    return reached


def kit_of(module: Any) -> type[Kit]:
    """A plugin's kit: `Kit` in its module `conformance`, else the kit as it is. Raises PluginError for one that can't
    be used."""
    from hub.testing.conformance import Conformance
    from hub.testing.conformance.kit import Kit

    place = f"{module.__name__}.conformance"
    if getattr(module, "__path__", None) is None or importlib.util.find_spec(place) is None:
        return type("Kit", (Conformance,), {"plugin": module})
    try:
        found = getattr(importlib.import_module(place), "Kit", None)
    except Exception as error:
        raise PluginError(f"{place} can't be imported", said=f"{type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Kit) and found.plugin is module):
        fix = "class Kit(Conformance): plugin = …"
        raise PluginError(f"{place} has no Kit of this plugin", fix=fix)
    return found


def _run(kit: type[Kit]) -> dict[str, Outcome]:
    from hub.testing.conformance.run import run_kit

    return {outcome.test: outcome for outcome in run_kit(kit)}


def _tested(rule: Rule, outcomes: dict[str, Outcome]) -> Finding:
    asked = [outcomes[test] for test in rule.tests if test in outcomes]
    failed = next((one for one in asked if one.state == "failed"), None)
    if failed is not None:
        return Finding(rule, "not_met", f"{failed.test}: {failed.why}")
    excused = [one for one in asked if one.state == "exempt"]
    if asked and len(excused) == len(asked):
        return Finding(rule, "exempt", excused[0].why)
    if not asked:
        return Finding(rule, "not_asked", "not of a plugin of this kind and these abilities")
    spared = "; ".join(f"{one.test} is exempt: {one.why}" for one in excused)
    return Finding(rule, "met", spared)


def _claimed(rule: Rule, said: GradeFile, outcomes: dict[str, Outcome]) -> Finding:
    claim = said.claims.get(rule.id, "")
    failed = next(
        (outcomes[test] for test in rule.tests if test in outcomes and outcomes[test].state == "failed"), None
    )
    if failed is not None:
        return Finding(rule, "not_met", f"{failed.test}: {failed.why}")
    if not is_reason(claim):
        return Finding(rule, "not_met", "nobody claims it in the grade file")
    return Finding(rule, "met", claim)


def _refusals(said: GradeFile, *, missing: bool) -> list[str]:
    """What can't stay as it is in a grade file."""
    if missing:
        return [f"there is no {NAME} beside its code, or it is not packaged with it"]
    known = {rule.id: rule for rule in RULES}
    found = []
    if said.grade not in GRADES:
        found.append(f"grade is {said.grade!r}; it is one of {', '.join(GRADES)}")
    for table, entries in (("claims", said.claims), ("exempt", said.exempt)):
        for name, text in entries.items():
            if name not in known:
                found.append(f"[{table}] names {name!r}, and there is no such rule")
            elif not is_reason(text):
                found.append(f"[{table}] {name} gives no reason that says anything")
            elif table == "claims" and known[name].how != "claim":
                found.append(f"[claims] {name} is found by the machine and can't be claimed")
    found += [
        f"[kit] {name} gives no reason that says anything" for name, text in said.kit.items() if not is_reason(text)
    ]
    return found
