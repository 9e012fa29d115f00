"""Looking after an installation: doctor, keys."""

from __future__ import annotations

from cyclopts import App
from rich.markup import escape

from hub.cli import output
from hub.cli.opened import Json, opened, settings, who
from hub.engine.doctor import Finding, examine
from hub.engine.keys import rotate_key
from hub.vault import new_key

__all__ = ["doctor_", "key_"]


async def doctor_(*, json: Json = False) -> int:
    """Examine the installation: home, key, database, plugins, connections, lanes.

    Ends with 0 (well, warnings included) or 1 (something failed).
    """
    findings: list[Finding] = await examine(settings())
    if json:
        output.print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            output.line(f"{output.mark(finding.state)} {escape(finding.what)}")
            if finding.fix:
                output.line(f"    [cyan]→[/] {escape(finding.fix)}")
    return 1 if any(finding.state == "failed" for finding in findings) else 0


key_ = App(name="key", help="The key that seals secrets.", result_action="return_value")


@key_.command(name="new")
async def new() -> None:
    """Print a new key, for STUDIOHUB_KEY or the file that STUDIOHUB_KEY_FILE names. Nothing is changed."""
    output.line(new_key(), reveal=True)


@key_.command(name="rotate")
async def rotate() -> None:
    """Make a new key, seal every secret with it, and drop the old one."""
    async with opened() as hub:
        count = await rotate_key(hub, who=who())
    output.line(f"{output.mark('ok')} All secrets are sealed with the new key ({count}). Keep a copy of it elsewhere.")
