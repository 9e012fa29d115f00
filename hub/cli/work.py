"""Working: sync, plan, apply, approve."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rich.markup import escape

from hub.cli import output
from hub.cli.opened import Json, opened, who
from hub.core import Hub
from hub.engine.approving import apply_stored, approve_stored
from hub.engine.source_pass import SourceRun
from hub.engine.sync import SyncResult, plan_now, sync_now
from hub.engine.target_pass import TargetRun
from hub.engine.unmapped import find_unmapped
from hub.errors import HubError
from hub.ingest.read import ReadReport
from hub.notify.sender import send_mails
from hub.notify.waiting import tell_waiting
from hub.reconcile.plan import Action, Plan
from hub.words import counted

__all__ = ["apply_", "approve_", "end", "plan_", "show_plan", "sync_"]

SHOWN = 40


async def sync_(*name: str, json: Json = False) -> int:
    """Read, plan and apply now, records that were set aside included.

    Ends with 0 (well), 3 (something is held), 4 (some records or connections failed and the others are done), 1
    (nothing could be done: no source could be read, or no lock or tracker be reached), 2 (what was typed can't be
    used). People who are blocked, by a missing badge say, are no failure.

    Parameters
    ----------
    name:
        Connections to limit it to.
    """
    async with opened() as hub:
        with output.progress() as bars:
            result = await sync_now(hub, name, progress=bars)
        await send_mails(hub)
        waiting = (await tell_waiting(hub)).get(hub.the_studio.id)
        observed = await _observed(hub)
    if json:
        mails = {"mails_waiting": {"count": waiting.count, "code": waiting.code}} if waiting is not None else {}
        output.print_json({**_result_json(result), **mails})
    else:
        _show(result, observed)
        if waiting is not None:
            output.line(f"{output.mark('warning')} {waiting.text}")
    return result.exit_code


async def _observed(hub: Hub) -> frozenset[str]:
    """The targets where nothing may be changed."""
    rows = await hub.connections()
    return frozenset(row.name for row in rows if row.options is not None and row.options.policy == "observe")


async def plan_(*name: str, json: Json = False) -> int:
    """A dry run: read the sources and say what a sync would do. Nothing is changed at any vendor.

    Ends with 0 (well), 3 (something would be held), 4 (some connections failed), 1 (no plan could be made).

    Parameters
    ----------
    name:
        Connections to limit it to.
    """
    async with opened() as hub:
        with output.progress() as bars:
            runs, plans, errors = await plan_now(hub, name, progress=bars)
        observed = await _observed(hub)
        trackers = {row.name for row in await hub.connections() if hub.plugins[row.plugin].kind == "tracker"}
        async with hub.database.read() as db:
            unmapped = await find_unmapped(db, hub.the_studio, hub.clock.now())
    if json and errors and not plans:
        output.print_json(output.error_json(errors[0].code, errors[0].what, errors[0].said, errors[0].fix))
    elif json:
        documents = [
            {**plan.as_json(), **({"note": _no_classes(plan.target)} if plan.target in trackers else {})}
            for plan in plans
        ]
        output.print_json(documents[0] if len(documents) == 1 else documents)
    else:
        for run in runs:
            _show_source(run)
        for plan in plans:
            if plan.target in trackers:
                output.line(escape(_no_classes(plan.target)))
            else:
                show_plan(plan, observed=plan.target in observed)
        for one in unmapped:
            output.line(f"{output.mark('warning')} {escape(one.text)}")
            output.line(f"    [cyan]→[/] {escape(one.fix)}")
    for error in errors:
        output.error(error)
    if errors and not plans:
        return 1
    broken = any(run.state == "broken" for run in runs) or bool(errors)
    return 4 if broken else 3 if any(plan.counts["held"] for plan in plans) else 0


def _no_classes(target: str) -> str:
    return f"Classes are not part of plans: `studiohub sessions` shows what should be at {target}."


async def apply_(plan: str, /, *, json: Json = False) -> int:
    """Apply a plan that was made before. What is no longer wanted is left out; what is new waits for the next plan.

    Parameters
    ----------
    plan:
        The plan's id, as `studiohub plan` prints it.
    """
    async with opened() as hub:
        with output.progress() as bars:
            run = await apply_stored(hub, plan, who=who(), progress=bars)
    return end(run, json=json)


async def approve_(plan: str, /, *, json: Json = False) -> int:
    """Let the held removals of a plan through, and do them now.

    Parameters
    ----------
    plan:
        The plan's id, as the inbox and `studiohub plan` print it.
    """
    async with opened() as hub:
        with output.progress() as bars:
            run = await approve_stored(hub, plan, who=who(), progress=bars)
    return end(run, json=json)


def end(run: TargetRun, *, json: bool) -> int:
    """Show how a pass over one target ended; returns the exit code."""
    result = SyncResult(targets=[run])
    if json:
        output.print_json(_result_json(result))
    else:
        _show(result)
    return result.exit_code


def _result_json(result: SyncResult) -> dict[str, Any]:
    return {
        "exit_code": result.exit_code,
        "sources": [
            {
                "connection": run.name,
                "run": run.run_id,
                "state": run.state,
                "records": {kind: vars(count) for kind, count in run.report.kinds.items()} if run.report else {},
                "complete": sorted(run.report.complete) if run.report else [],
                "not_complete": run.report.why_not if run.report else {},
                "refused": run.report.refused if run.report else {},
                "problems": [
                    {"kind": p.kind, "id": p.id, "where": p.where, "what": p.what, "fix": p.fix}
                    for p in (run.report.problems if run.report else [])
                ],
                "notes": [{"where": p.where, "what": p.what} for p in (run.report.notes if run.report else [])],
                "error": _error_json(run.error),
            }
            for run in result.sources
        ],
        "targets": [
            {
                "connection": run.name,
                "run": run.run_id,
                "state": run.state,
                "applied": run.applied,
                "failed": run.failed,
                "plan": run.last.id if run.last else None,
                "counts": run.plan.counts if run.plan else {},
                "held": run.held,
                "waiting": run.waiting,
                "fetched": run.fetched,
                "error": _error_json(run.error),
            }
            for run in result.targets
        ],
    }


def _error_json(error: HubError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "what": error.what, "said": error.said, "fix": error.fix}


def _show(result: SyncResult, observed: Collection[str] = ()) -> None:
    for source in result.sources:
        _show_source(source)
    for target in result.targets:
        _show_target(target, observed=target.name in observed)


def _show_source(run: SourceRun) -> None:
    report = run.report
    if run.error is not None:
        output.line(f"{output.status('failed', run.name)} could not be read")
        output.error(run.error)
        return
    if report is None:
        return
    seen = ", ".join(f"{count.seen} {kind}" for kind, count in report.kinds.items() if count.seen)
    output.line(f"{output.status(run.state, run.name)} {seen or 'nothing'}; {counted(report.changes, 'change')}")
    for kind, had in report.refused.items():
        output.line(
            f"  {output.status('failed', 'refused')} {kind}: there were {had} and now there are none. "
            "That is taken for a fault; nobody loses access because of it."
        )
    for why, kinds in _why_not(report).items():
        are = "is" if len(kinds) == 1 else "are"
        output.line(f"  {output.mark('warning')} {escape(', '.join(kinds))} {are} not complete: {escape(why)}")
    for problem in [*report.problems, *report.notes][:SHOWN]:
        output.line(f"  {output.mark('warning')} {escape(problem.where)}: {escape(problem.what)}")
        if problem.fix:
            output.line(f"      [cyan]→[/] {escape(problem.fix)}")


_WOULD = {"create": "created", "change": "changed", "remove": "removed"}


def _why_not(report: ReadReport) -> dict[str, list[str]]:
    """For each reason, the kinds that are not complete because of it; those that a problem tells of are left out."""
    told = {problem.kind for problem in report.problems if problem.id is None}
    reasons: dict[str, list[str]] = {}
    for kind, why in sorted(report.why_not.items()):
        if kind not in told:
            reasons.setdefault(why, []).append(kind)
    return reasons


def _fetched(counts: Mapping[str, int]) -> str:
    parts = []
    if counts.get("results"):
        parts.append(f"results of {counted(counts['classes'], 'class', 'classes')} ({counts['results']})")
    if counts.get("summaries"):
        parts.append(counted(counts["summaries"], "summary", "summaries"))
    return ", ".join(parts)


def _waiting(counts: Mapping[str, int]) -> str:
    parts = []
    if riders := counts.get("riders"):
        parts.append(f"{counted(riders, 'rider')} {'has' if riders == 1 else 'have'} no seat")
    if classes := counts.get("classes"):
        parts.append(f"{counted(classes, 'class', 'classes')} failed")
    return ", ".join(parts)


def _show_target(run: TargetRun, *, observed: bool) -> None:
    done = ", ".join(f"{count} {action.replace('_', ' ')}" for action, count in run.applied.items())
    if not done and observed and run.last is not None and run.last.to_do:
        counts = run.last.counts
        done = ", ".join(f"{counts[action]} would be {word}" for action, word in _WOULD.items() if counts[action])
        done += "; policy is observe"
    done = done or "nothing to change"
    unchanged = f", {run.last.unchanged} unchanged" if run.last is not None and run.last.unchanged else ""
    output.line(f"{output.status(run.state, run.name)} {done}{unchanged}")
    if run.fetched:
        output.line(f"  {_fetched(run.fetched)}")
    if run.waiting:
        output.line(f"  {output.mark('warning')} {_waiting(run.waiting)}: `studiohub sessions --problems`")
    if run.held_classes:
        held = f"{run.held_classes} classes that vanished, more than {run.name} lets go at once; they are still on."
        output.line(f"  {output.status('held')} {held}")
        output.line(f"      [cyan]→[/] studiohub sessions approve {run.name}")
    if run.last is not None and run.held:
        held = f"{counted(run.held, 'removal')}, more than {run.name} allows at once; nobody lost access."
        output.line(f"  {output.status('held')} {held}")
        if not observed:
            output.line(f"      [cyan]→[/] studiohub approve {run.last.id}")
    if run.last is not None and (blocked := len({change.ref for change in run.last.of(Action.BLOCKED)})):
        people = "1 person" if blocked == 1 else f"{blocked} people"
        output.line(f"  {output.status('blocked')} {people}; `studiohub plan` says why")
    for member, why in list(run.failed.items())[:SHOWN]:
        output.line(f"  {output.status('failed', member)} {escape(why)}")
    if run.error is not None:
        output.error(run.error)


def show_plan(plan: Plan, *, observed: bool = False, preview: bool = False) -> None:
    """A plan for people. `observed`: the policy there is observe, so it can't be applied. `preview`: it is of rules
    that are not saved, so there is nothing to apply yet."""
    counts = plan.counts
    glyphs = (("create", "+"), ("change", "~"), ("remove", "−"), ("held", "◌"), ("blocked", "▲"), ("unchanged", "="))
    summary = "  ".join(f"{glyph} {counts[name]} {name}" for name, glyph in glyphs if counts[name] or name == "create")
    if preview:
        output.line(f"[bold]{escape(plan.target)}[/] would then have to do: {summary}.")
    else:
        output.line(f"[bold]plan {plan.id}[/] for {escape(plan.target)}: {summary}. Nothing has been changed yet.")
    rows = [
        [
            output.status(change.action.value),
            escape(change.ref),
            escape(change.name),
            escape(change.reason.text),
            escape(change.rule.partition(" → ")[0]),
        ]
        for change in plan.changes[:SHOWN]
    ]
    if rows:
        output.table(["", "member", "name", "why", "rule"], rows)
    if len(plan.changes) > SHOWN:
        output.line(f"… and {len(plan.changes) - SHOWN} more; `--json` lists them all")
    if observed:
        if plan.to_do or counts["held"]:
            fix = 'set policy = "sync" in the studio file and import it, when the plan is right'
            output.line(f"{escape(plan.target)} has the policy observe: nothing is changed there.")
            output.line(f"[cyan]→[/] {escape(fix)}")
        return
    if preview:
        return
    if plan.to_do:
        output.line(f"[cyan]→[/] studiohub apply {plan.id}")
    if counts["held"]:
        held = counted(counts["held"], "held removal")
        output.line(f"[cyan]→[/] studiohub approve {plan.id}  (lets {held} through)")
