"""How work ended, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hub.errors import HubError
from hub.words import counted

if TYPE_CHECKING:
    from hub.engine.source_pass import SourceRun
    from hub.engine.sync import SyncResult
    from hub.engine.target_pass import TargetRun

__all__ = ["applied_in_words", "sync_in_words", "told"]


def told(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, HubError):
        return str(error)
    return f"The database could not be used: {str(getattr(error, 'orig', None) or error).splitlines()[0]}"


def applied_in_words(runs: Iterable[TargetRun]) -> str:
    """How many lines of each kind runs have applied; empty for none."""
    done: Counter[str] = Counter()
    for run in runs:
        done.update(run.applied)
    return ", ".join(f"{count} {action}" for action, count in done.items())


def sync_in_words(result: SyncResult | None) -> tuple[str, str]:
    """What a sync did, and as what kind of news that is shown. None: a daemon does it."""
    if result is None:
        return "The daemon was woken and does it now.", "running"
    held = sum(run.held for run in result.targets)
    runs: list[SourceRun | TargetRun] = [*result.sources, *result.targets]
    errors = [run.error for run in runs if run.error is not None]
    failed = sum(len(run.failed) for run in result.targets)
    words = applied_in_words(result.targets) or "nothing to change"
    if errors:
        return told(errors[0]), "failed"
    if any(run.stopped for run in runs):
        return f"Stopped: {words}. The rest is done next time.", "stopped"
    if failed:
        return f"Done: {words}; {counted(failed, 'person', 'people')} could not be served, see Today.", "failed"
    if held:
        return f"Done: {words}; {held} held, see Today.", "held"
    return f"Done: {words}.", "done"
