"""For integrators: the plugins that are installed, a new one, and how good one is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.markup import escape

from hub.cli import output
from hub.cli.opened import Json, settings
from hub.core import load_plugins

__all__ = ["plugin_"]

plugin_ = App(name="plugin", help="Plugins: list, make and grade them.", result_action="return_value")


@plugin_.command(name="list")
async def list_(*, json: Json = False) -> int:
    """The installed plugins, and what is wrong with those that could not be loaded."""
    plugins = load_plugins(settings())
    if json:
        output.print_json(
            {
                "plugins": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "kind": one.kind,
                        "abilities": sorted(one.abilities),
                        "from": plugins.versions.get(one.name),
                        "simulator": one.simulator is not None,
                        "experimental": one.experimental,
                    }
                    for one in plugins.loaded.values()
                ],
                "broken": [{"name": one.name, "from": one.distribution, "why": one.why} for one in plugins.broken],
            }
        )
        return 0
    rows = [
        [one.name, escape(one.title), one.kind, ", ".join(sorted(one.abilities)), plugins.versions.get(one.name, "")]
        for one in plugins.loaded.values()
    ]
    output.table(["name", "vendor", "kind", "abilities", "from"], rows)
    for broken in plugins.broken:
        why = escape(f"{broken.why} ({broken.distribution})")
        output.line(f"{output.status('warning', broken.name)} could not be loaded: {why}")
    return 0


@plugin_.command(name="new")
async def new(
    name: str,
    folder: Path | None = None,
    /,
    *,
    kind: Annotated[Literal["lock", "source", "tracker"], Parameter(name="--kind")] = "lock",
    json: Json = False,
) -> int:
    """Make the package of a new plugin: code, a simulator, tests with the conformance kit, a grade file.

    It installs, loads and keeps all promises of the kit at once. The vendor in it is made up: replace its wire format
    and its simulator by your vendor's, and keep the tests green. docs/plugins/tutorial.md goes through one.

    Parameters
    ----------
    name:
        What the plugin is called in studio files: small letters and digits, such as acme.
    folder:
        Where to make it, a folder named after it unless named here.
    kind:
        lock (opens doors), source (a booking system) or tracker (classes and seats).
    """
    from hub.scaffold import make_plugin

    made = make_plugin(name, kind, folder or Path(f"studiohub-{name}"))
    if json:
        files = [str(path.relative_to(made.folder)) for path in made.files]
        output.print_json({"folder": str(made.folder), "package": made.package, "files": files})
        return 0
    output.line(f"{output.mark('ok')} {escape(str(made.folder))}: {len(made.files)} files, package {made.package}")
    output.say("Next:")
    for step in (
        f"cd {made.folder}",
        "pip install -e . pytest",
        "python -m pytest",
        f"studiohub plugin check {name}",
    ):
        output.say(f"  {step}")
    return 0


@plugin_.command(name="check")
def check(name: str, /, *, json: Json = False) -> int:
    """Grade an installed plugin by the quality scale: bronze, silver, gold or platinum.

    The conformance kit runs on the plugin's own simulator, in this process. docs/plugins/quality.md says what each rule
    is for. Ends with 0 where the plugin is what its grade file says, else with 1.

    Parameters
    ----------
    name:
        The plugin, as `studiohub plugin list` shows it.
    """
    from hub.quality.check import check_plugin

    checked = check_plugin(load_plugins(settings()), name)
    if json:
        output.print_json(
            {
                "plugin": checked.name,
                "grade": checked.grade,
                "says": checked.says,
                "refused": list(checked.refused),
                "rules": [
                    {
                        "id": one.rule.id,
                        "grade": one.rule.grade,
                        "state": one.state,
                        "how": one.rule.how,
                        "text": one.rule.text,
                        "why": one.why,
                    }
                    for one in checked.findings
                ],
            }
        )
        return 0 if checked.good else 1
    marks = {"met": "ok", "not_met": "failed", "exempt": "skipped", "not_asked": "skipped"}
    grade = ""
    for one in checked.findings:
        if one.rule.grade != grade:
            grade = one.rule.grade
            output.line(f"[bold]{grade}[/]")
        output.line(f"  {output.mark(marks[one.state])} {one.rule.id}  [bright_black]{escape(one.rule.text)}[/]")
        if one.why:
            output.line(f"      {escape(one.why)}")
    for mistake in checked.refused:
        output.line(f"{output.mark('failed')} quality.toml: {escape(mistake)}")
    output.line(f"{checked.name} is [bold]{checked.grade}[/]")
    if checked.says != checked.grade:
        output.line(f"{output.mark('failed')} its grade file says {escape(checked.says or 'nothing')}")
    return 0 if checked.good else 1
