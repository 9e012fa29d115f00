"""What is left of a crash: a short message, and a report that holds no values."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from rich.text import Text

from hub import redact

__all__ = ["crash_text"]


def crash_text(folder: Path, typed: Iterable[str]) -> Text:
    """The message for the exception that is being handled. `typed` are secrets that stand in fields."""
    redact.know(*typed)
    kind, error, trace = sys.exc_info()
    report = redact.mask("".join(traceback.format_exception(kind, error, trace)))
    last = traceback.extract_tb(trace)[-1:] if trace is not None else []
    where = f" in {Path(last[0].filename).name} line {last[0].lineno}" if last else ""
    name = kind.__name__ if kind is not None else "an error"
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        path.write_text(report, encoding="utf-8")
        path.chmod(0o600)
        kept = f"The report is in {path}; secrets are not in it."
    except OSError:
        kept = "No report could be written."
    return Text(f"studiohub had to stop: {name}{where}.\n{kept} Nothing was lost: the hub goes on where it was.\n")
