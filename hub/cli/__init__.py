"""The command `studiohub`."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]


def main() -> None:
    """The entry point of the `studiohub` command. What it needs is loaded in here, so that Ctrl+C while that goes on
    ends it as quietly as later."""
    # What is imported is never garbage; looking through it again and again is a tenth of the time to start.
    gc.set_threshold(100_000, 20, 20)
    try:
        from hub.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.stderr.flush()
        # Nothing is open yet, and what is half loaded must not be asked to tidy up.
        os._exit(130)
    run()
