"""The command line: what there is to type, and how it ends.

Commands live in the modules beside this one and are imported when they are called. Exit codes: 0 well, 2 what was typed
can't be used, 1 nothing could be done; `sync`, `plan`, `apply` and `approve` add 3 (something is held) and 4 (some
records or connections failed and the others are done), `verify` and `disconnect` add 4.
"""

from __future__ import annotations

import asyncio
import difflib
import errno
import inspect
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError

from hub.cli import output
from hub.errors import HubError, UserError
from hub.settings import default_home

__all__ = ["app", "main"]

app = App(
    name="studiohub",
    help="A studio's doors and bikes follow its booking system.",
    version=lambda: version("studiohub"),
    help_format="plaintext",
    result_action="return_value",
    default_parameter=Parameter(negative=()),
)
app.suppress_keyboard_interrupt = app.meta.suppress_keyboard_interrupt = False
EVERYWHERE = Group("Everywhere", sort_key=99)

START = Group.create_ordered("Getting started")
WORK = Group.create_ordered("Working")
LOOK = Group.create_ordered("Looking")
CARE = Group.create_ordered("Looking after it")
BUILD = Group.create_ordered("For integrators")

COMMANDS = (
    (START, "setup", "demo", "A made-up studio on simulated vendors, in a throw-away home"),
    (START, "setup", "init", "Make the home: folder, key file and database"),
    (START, "setup", "import", "Bring connections and mapping tables in line with a studio file"),
    (START, "setup", "export", "Write the studio file of what is connected, without secrets"),
    (START, "setup", "connect", "Connect a booking system, a lock or a tracker"),
    (START, "setup", "verify", "Try connections and say what works and what doesn't"),
    (START, "setup", "disconnect", "Forget a connection"),
    (START, "ui", "tui", "The terminal UI: what needs you, who can open what, runs, plans"),
    (WORK, "work", "sync", "Read, plan and apply now"),
    (WORK, "work", "plan", "A dry run: say what a sync would do"),
    (WORK, "work", "apply", "Apply a plan that was made before"),
    (WORK, "work", "approve", "Let the held removals of a plan through"),
    (WORK, "daemon", "daemon", "Run by itself: reads, grants, revokes, mails and webhooks"),
    (LOOK, "look", "grants", "Who can open what, until when, and why"),
    (LOOK, "look", "explain", "Why has, or hasn't, this person access"),
    (LOOK, "look", "accesses", "What a booking opens or opened, and why it doesn't"),
    (LOOK, "classes", "sessions", "Classes at trackers, who sits where, and why somebody doesn't"),
    (LOOK, "classes", "links", "Who is whom at a lock or tracker; set or clear it by hand"),
    (LOOK, "metrics", "metrics", "What was ridden: results, trends and exports; correct them"),
    (LOOK, "look", "inbox", "What needs a person, worst first"),
    (LOOK, "rules", "rules", "The mapping rows in words; add, change or delete one"),
    (LOOK, "look", "openings", "The groups, locks, passes and resources that mapping rows can name"),
    (LOOK, "look", "runs", "The last runs"),
    (LOOK, "look", "log", "The sync log"),
    (CARE, "care", "doctor", "Examine the installation"),
    (CARE, "care", "key", "The key that seals secrets"),
    (CARE, "keep", "lanes", "What runs when, and what keeps failing"),
    (CARE, "mail", "mail", "Mails that were sent, wait, or could not be sent"),
    (CARE, "keep", "backup", "Write everything in the database to one file"),
    (CARE, "keep", "restore", "Fill an empty installation from a backup"),
    (CARE, "keep", "erase", "Delete everything that is kept about a member"),
    (CARE, "member", "member-link", "The address of a member's own page"),
    (CARE, "keep", "audit", "What admins did"),
    (CARE, "daemon", "webhook", "The address for a vendor's webhooks"),
    (BUILD, "build", "simulate", "Serve a vendor's simulator"),
    (BUILD, "plugin", "plugin", "Plugins: list, make and grade them"),
)
for group, module, name, words in COMMANDS:
    app.command(
        f"hub.cli.{module}:{name.replace('-', '_')}_",
        name=name,
        group=group,
        help=words,
        sort_key=COMMANDS.index((group, module, name, words)),
    )
app.register_install_completion_command(name="--install-completion")


@app.meta.default
def _launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    home: Annotated[
        Path | None, Parameter(name="--home", env_var="STUDIOHUB_HOME", show_env_var=False, group=EVERYWHERE)
    ] = None,
    studio: Annotated[str | None, Parameter(name="--studio", group=EVERYWHERE)] = None,
) -> int | None:
    """Run a command.

    Parameters
    ----------
    home:
        Folder of the database and the key file.
    studio:
        Which studio of the database, where there are several.
    """
    if home is not None:
        os.environ["STUDIOHUB_HOME"] = str(home)
    if studio is not None:
        os.environ["STUDIOHUB_STUDIO"] = studio
    if not tokens:
        from hub.cli.ui import instead_of_nothing

        tokens = instead_of_nothing()
    result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    return result if isinstance(result, int) else None


def main() -> None:
    """The entry point of the `studiohub` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that can't show a character must not end the command.
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code. Never lets a traceback reach a person."""
    json = "--json" in arguments
    try:
        _check_text(arguments)
        with _told_in_full(arguments):
            result = app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        return output.usage_error(error, near=_near(error), json=json)
    except UserError as error:
        output.error(error, json=json)
        return 2
    except HubError as error:
        output.error(error, json=json)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.say("stopped")
        return 130
    except BrokenPipeError:
        # The reader of a pipe has seen enough.
        _nobody_reads()
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: a report instead of a traceback
        if (trouble := _output_trouble(error)) is not None:
            _nobody_reads()
            output.error(trouble)
            return 1
        if (trouble := _database_trouble(error)) is not None:
            output.error(trouble, json=json)
            return 1
        home = Path(os.environ.get("STUDIOHUB_HOME") or default_home()).expanduser()
        return output.crash(error, home=home, json=json)
    return result if isinstance(result, int) else 0


MEANT = {"status": "inbox", "list": "grants", "show": "grants", "start": "daemon", "run": "daemon", "who": "grants"}
"""Words that people try, and the command that does it."""


def _near(error: CycloptsError) -> str:
    """The command that does what an unknown word means. Those that are near in spelling are in the error already."""
    if not isinstance(error, UnknownCommandError) or not error.unused_tokens or "Did you mean" in str(error):
        return ""
    found = difflib.get_close_matches(error.unused_tokens[0], MEANT, n=1)
    return f'"{MEANT[found[0]]}"' if found else ""


def _check_text(arguments: list[str]) -> None:
    """Refuse bytes that are no text in this locale: no name, id or path that the hub knows has any."""
    for word in arguments:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = word.encode(errors="backslashreplace").decode()
            raise UserError(f"{shown!r} is not valid UTF-8", fix="Type it anew, in a terminal set to UTF-8.") from None


def _nobody_reads() -> None:
    """Let what is still to be written go nowhere, so that the end of the process is quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _output_trouble(error: Exception) -> HubError | None:
    """What is wrong where standard output can't be written: a full disk, a device that is gone. What is opened by its
    name says that name."""
    if not isinstance(error, OSError) or error.filename is not None or error.errno not in _CAN_NOT_WRITE:
        return None
    said = error.strerror or str(error)
    return HubError("the output can't be written", said=said, fix="Make room, or write it elsewhere.")


_CAN_NOT_WRITE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def _database_trouble(error: Exception) -> HubError | None:
    """What a database says that is locked, full, read-only or away: no mistake of studiohub's."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    if not isinstance(error, OperationalError | InterfaceError):
        return None
    fix = "Is another process at it, is the disk full, is the server up? `studiohub doctor` looks."
    return HubError("the database could not be used", said=str(error.orig), fix=fix, code="database")


@contextmanager
def _told_in_full(arguments: list[str]) -> Iterator[None]:
    """Commands are listed with one sentence each; the one that is typed has all that is written about it."""
    typed = next((word for word in arguments if word in {name for _, _, name, _ in COMMANDS}), None)
    command = app[typed] if typed is not None else None
    words = inspect.getdoc(command.default_command) if command is not None and command.default_command else None
    if command is None or words is None:
        yield
        return
    listed = command.help
    paragraphs = words.partition("\n\nParameters\n")[0].split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    try:
        yield
    finally:
        command.help = listed
