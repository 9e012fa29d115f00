"""The process behind a tab: the terminal UI on the same installation. Nothing that it prints holds a secret."""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
from pathlib import Path
from typing import TextIO

from hub import redact
from hub.cli import output
from hub.cli.opened import settings
from hub.errors import HubError
from tui.run import run

__all__ = ["main"]


class _Masked(io.TextIOBase):
    """Standard error, masked."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, text: str) -> int:
        self._to.write(redact.mask(text))
        self._to.flush()
        return len(text)


def main(arguments: list[str]) -> int:
    """Run until the tab is closed; returns an exit code. What goes wrong is told on standard error, and in a report
    that is masked where it is a mistake of ours."""
    sys.stderr = _Masked(sys.stderr)
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--theme")
    asked = parser.parse_args(arguments)
    home = Path()
    try:
        chosen = settings()
        home = chosen.home
        return asyncio.run(run(chosen, read_only=not asked.write, ascii=asked.ascii, theme=asked.theme))
    except HubError as error:
        output.error(error)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001 - the last resort: a report instead of a traceback
        output.crash(error, home=home)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
