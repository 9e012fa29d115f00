"""Rules: the mapping rows in words, and editing them with a look at what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape

from hub.cli import output
from hub.cli.opened import Json, opened, who
from hub.cli.work import show_plan
from hub.core import Hub
from hub.errors import UserError
from hub.look.rules import RuleView, describe_rows, list_rules
from hub.reconcile.plan import Plan
from hub.studio.editing import (
    edit_rows,
    kind_named,
    make_row,
    notes_on,
    row_numbered,
    row_values,
    rows_of,
)
from hub.studio.importing import Imported
from hub.studio.model import ROW_KINDS, Row
from hub.studio.preview import preview_rows
from hub.words import counted

__all__ = ["rules_"]

rules_ = App(name="rules", help="The mapping rows in words; add, change or delete one.", result_action="return_value")

Yes = Annotated[bool, Parameter(help="Do it. Without it, only what it would do is shown.")]


@rules_.default
async def list_(*, json: Json = False) -> None:
    """The mapping rows in words, with how many grants rest on each now."""
    async with opened() as hub, hub.database.read() as db:
        rules = await list_rules(db, hub.the_studio)
        notes = [note for kind in ROW_KINDS for note in await notes_on(db, hub.the_studio, kind, _rows(rules, kind))]
    if json:
        output.print_json([rule.as_json() for rule in rules])
        return
    if not rules:
        output.line("No mapping rows, so nothing opens. `studiohub import FILE` or `studiohub rules add` makes some.")
        return
    output.table(
        ["table", "no.", "from", "at", "says", "grants"],
        [
            [
                rule.kind,
                str(rule.number),
                escape(rule.source),
                escape(rule.target),
                escape(rule.text),
                f"{rule.grants:,}",
            ]
            for rule in rules
        ],
    )
    for note in notes:
        output.line(f"{output.mark('warning')} {escape(note)}")


def _rows(rules: Sequence[RuleView], kind: str) -> list[Row]:
    return [rule.row for rule in rules if rule.kind == kind]


@rules_.command(name="add")
async def add(kind: str, /, *values: str, yes: Yes = False, json: Json = False) -> None:
    """Add a mapping row at the end of its table. Shows what that would do; with --yes it is done.

    Parameters
    ----------
    kind:
        The table: passes, resources, communities, rooms or links.
    values:
        key=value as in a studio file, several ids with commas: source=anny resource=r-7 target=door locks=C-1,C-2.
    """
    async with opened() as hub:
        rows = await rows_of(hub, kind_named(kind))
        row = await make_row(hub, kind, _values(kind, values))
        await _edit(hub, kind, rows, [*rows, row], removed=[], added=[row], yes=yes, json=json)


@rules_.command(name="change")
async def change(kind: str, number: int, /, *values: str, yes: Yes = False, json: Json = False) -> None:
    """Change a mapping row. Shows what that would do; with --yes it is done.

    Parameters
    ----------
    kind:
        The table: passes, resources, communities, rooms or links.
    number:
        The row's number in its table, as `studiohub rules` lists it.
    values:
        key=value for each key that changes: minutes_before=30 locks=C-1,C-2. An empty value (group=) takes it away.
    """
    async with opened() as hub:
        rows = await rows_of(hub, kind_named(kind))
        old = row_numbered(kind, rows, number)
        given = _values(kind, values)
        kept = {key: value for key, value in row_values(old).items() if key not in given}
        named = kept | {key: value for key, value in given.items() if value is not None}
        row = await make_row(hub, kind, named, instead_of=old)
        after = [*rows[: number - 1], row, *rows[number:]]
        await _edit(hub, kind, rows, after, removed=[old], added=[row], yes=yes, json=json)


@rules_.command(name="delete")
async def delete(kind: str, number: int, /, *, yes: Yes = False, json: Json = False) -> None:
    """Delete a mapping row. Shows what that would do; with --yes it is done. The rows after it move up by one.

    Parameters
    ----------
    kind:
        The table: passes, resources, communities, rooms or links.
    number:
        The row's number in its table, as `studiohub rules` lists it.
    """
    async with opened() as hub:
        rows = await rows_of(hub, kind_named(kind))
        old = row_numbered(kind, rows, number)
        after = [*rows[: number - 1], *rows[number:]]
        await _edit(hub, kind, rows, after, removed=[old], added=[], yes=yes, json=json)


def _values(kind: str, pairs: Sequence[str]) -> dict[str, Any]:
    """What was typed as key=value, in the form in which a studio file has it; None for what is to be taken away."""
    fields = ROW_KINDS[kind].model_fields
    keys = {name: info.alias or name for name, info in fields.items()}
    forms = {keys[name]: info.annotation for name, info in fields.items()}
    if not pairs:
        raise UserError("say what the row is to hold, as key=value", fix=f"Keys of {kind}: {', '.join(forms)}.")
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = keys.get(key, key)
        if not equals:
            raise UserError(f"write key=value, not {pair!r}", fix=f"Keys of {kind}: {', '.join(forms)}.")
        if key in found:
            raise UserError(f"{key} is given twice", fix="Separate several ids with commas: locks=C-1,C-2.")
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not text.strip():
            found[key] = None
        elif forms.get(key) == list[str]:
            found[key] = parts
        elif forms.get(key) == dict[str, str]:
            halves = [part.partition(":") for part in parts]
            if not all(colon and one and other for one, colon, other in halves):
                raise UserError(f"write {key} as spot:seat pairs, not {text!r}", fix=f"For example {key}=1:1,2:2.")
            found[key] = {one.strip(): other.strip() for one, _, other in halves}
        else:
            found[key] = text.strip()
    return found


async def _edit(
    hub: Hub,
    kind: str,
    before: Sequence[Row],
    after: Sequence[Row],
    *,
    removed: Sequence[Row],
    added: Sequence[Row],
    yes: bool,
    json: bool,
) -> None:
    """Show what an edit would do; with `yes`, do it."""
    plans = await preview_rows(hub, kind, after)
    async with hub.database.read() as db:
        gone, come = [await describe_rows(db, hub.the_studio, rows) for rows in (removed, added)]
        notes = await notes_on(db, hub.the_studio, kind, added)
    done = await edit_rows(hub, kind, after, who(), seen=before) if yes else Imported()
    if json:
        output.print_json(
            {
                "table": kind,
                "removed": [row_values(row) for row in removed],
                "added": [row_values(row) for row in added],
                "saved": bool(done.changes),
                "notes": notes,
                "plans": [plan.as_json() for plan in plans],
            }
        )
        return
    for mark, words in (*(("remove", one) for one in gone), *(("create", one) for one in come)):
        output.line(f"{output.mark(mark)} {kind}: {escape(words)}")
    if list(before) == list(after):
        output.line("Nothing to change: the row says that already.")
        return
    observed = {row.name for row in await hub.connections() if row.options and row.options.policy == "observe"}
    for old, new in zip(removed, added, strict=False):
        _say_what_is_told(old, new)
    for plan in plans:
        show_plan(plan, observed=plan.target in observed, preview=True)
    if not plans:
        output.line("No lock is touched: nobody gets access by it or loses it.")
    for note in notes:
        output.line(f"{output.mark('warning')} {escape(note)}")
    _say_how_to_go_on(done, plans, yes=yes)


_TOLD = {"code": "the code only", "link": "the link only, or the code where there is no link", "both": "code and link"}


def _say_what_is_told(old: Row, new: Row) -> None:
    """What another credential means: it is about what members are told, not about what opens."""
    before, after = getattr(old, "credential", None), getattr(new, "credential", None)
    if before is None or after is None or before == after or not getattr(new, "locks", ()):
        return
    output.line(
        f"Mails tell members {_TOLD[after]} from now on (now: {_TOLD[before].partition(',')[0]}). At the door nothing "
        "changes: each visit there is only confirmed once more, and who has a mail already gets no other."
    )


def _say_how_to_go_on(done: Imported, plans: Sequence[Plan], *, yes: bool) -> None:
    held = sum(plan.counts["held"] for plan in plans)
    if held:
        output.line(
            f"{output.mark('held')} {counted(held, 'removal')} would be held until somebody approves: "
            "`studiohub plan` and then `studiohub approve PLAN`."
        )
    if not yes:
        output.line("[cyan]→[/] Nothing has been changed. Type it again with --yes to do it.")
        return
    output.line(f"{output.mark('ok')} {escape('; '.join(done.changes))}")
    output.line("[cyan]→[/] The daemon acts on it by itself; `studiohub sync` does it now.")
