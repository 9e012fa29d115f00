"""The long work of a plan, for a thread beside the screen: make it, apply what was chosen of it, let through what it
holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.core import Hub, Progress
from hub.engine.approving import apply_stored, approve_stored
from hub.engine.sync import plan_now
from hub.engine.target_pass import TargetRun
from hub.look.plan_lines import PlanLine, plan_lines, source_marks

__all__ = ["Made", "apply_chosen", "let_through", "make"]


@dataclass(frozen=True)
class Made:
    """Plans as they were made, in words. `marks` says how often the sources were read by then."""

    at: datetime
    lines: Sequence[PlanLine]
    counts: Mapping[str, int]
    sources: Sequence[str]
    targets: Sequence[str]
    errors: Sequence[str]
    marks: frozenset[tuple[int, int]]


async def make(hub: Hub, progress: Progress, *, read: bool = True) -> Made:
    """Read the sources and plan. Nothing is changed at any vendor. Raises HubError where no plan could be made."""
    runs, plans, errors = await plan_now(hub, progress=progress, read=read)
    if errors and not plans:
        raise errors[0]
    rows = await hub.connections()
    async with hub.database.read() as db:
        lines = await plan_lines(db, hub.the_studio, plans, hub.clock.now())
        marks = await source_marks(db, hub.the_studio)
    counts: Counter[str] = Counter()
    for plan in plans:
        counts.update(plan.counts)
    broken = [str(run.error) for run in runs if run.error is not None]
    return Made(
        at=max((plan.made_at for plan in plans), default=hub.clock.now()),
        lines=lines,
        counts=dict(counts),
        sources=[row.name for row in rows if row.options is None],
        targets=[plan.target for plan in plans],
        errors=[*broken, *(str(error) for error in errors)],
        marks=marks,
    )


async def apply_chosen(
    hub: Hub, progress: Progress, made: Made, chosen: Sequence[PlanLine], *, who: str
) -> Made | list[TargetRun]:
    """Apply these lines and nothing else. Where the sources were read since, the plan is made again first; where that
    one differs it is returned, and nothing is applied."""
    async with hub.database.read() as db:
        marks = await source_marks(db, hub.the_studio)
    if marks != made.marks:
        again = await make(hub, progress, read=False)
        if {line.identity for line in again.lines} != {line.identity for line in made.lines}:
            return again
    runs = []
    for plan in dict.fromkeys(line.plan for line in chosen):
        identities = {line.identity for line in chosen if line.plan == plan}
        runs.append(await apply_stored(hub, plan, who=who, progress=progress, lines=identities))
    return runs


async def let_through(hub: Hub, progress: Progress, plans: Sequence[str], *, who: str) -> list[TargetRun]:
    """Let through what these plans hold."""
    return [await approve_stored(hub, plan, who=who, progress=progress) for plan in plans]
