"""For integrators: simulators."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from typing import TYPE_CHECKING, Annotated, Literal

import tomlkit
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape

from hub.cli import output
from hub.cli.opened import settings
from hub.core import load_plugins
from hub.errors import UserError
from hub.plugins import Plugin

if TYPE_CHECKING:
    from hub.testing import Simulator

__all__ = ["simulate_"]

MAPPED = ("group", "lock", "box", "pass", "resource", "community", "location")
"""What the rows of a studio file name."""
_CONTROL = "/_simulator"
PACE = 50
"""Requests a second: nobody has to be spared."""


async def simulate_(
    plugin: str,
    /,
    *,
    port: int = 0,
    fault: Annotated[tuple[str, ...], Parameter(name="--fault", negative=())] = (),
    seed: int = 1,
    members: Annotated[int, Parameter(validator=Number(gte=0, lte=10_000))] = 20,
    empty: Annotated[bool, Parameter(negative=())] = False,
    webhooks: Literal["send", "lose", "twice"] = "send",
) -> None:
    """Serve a vendor's simulator over HTTP on this machine, until Ctrl+C.

    It prints its address, the lines of a studio file that connect to it, and the ids that mapping rows can name. A
    booking system begins with a made-up studio. To book, cancel or move something, POST to /_simulator/book,
    /_simulator/cancel and so on: GET /_simulator lists all calls, docs/simulate.md has a walk-through.

    Switches can be changed while it runs: PUT /_simulator/faults, and DELETE to switch all off. What was asked of it
    stands at /_simulator/log, and what it holds at /_simulator/state.

    A fault switch is NAME=VALUE with options after commas: status=503 answers so, drop_before_write=0.1 and
    drop_after_write=0.1 lose one write in ten (before it takes effect, or its answer), slow=2 takes two seconds,
    stale_reads=10s lets reads lag, half_page and cut_body break answers off, outage=503 is a vendor that is down,
    garbage a proxy's page, unauthorized refuses the key. Options: p=0.5 (how likely), every=3, after=10, times=1,
    only=reads or only=writes, operation=addPerson, path=/persons*. NAME=off switches off.

    Parameters
    ----------
    plugin:
        Which vendor.
    port:
        Port on 127.0.0.1; a free one where it is left out.
    fault:
        A fault switch, such as status=503,every=5 or drop_after_write=0.1; may be given several times.
    seed:
        Seed of everything that is drawn by chance.
    members:
        How many members a booking system begins with.
    empty:
        A booking system begins with nothing at all.
    webhooks:
        What becomes of the webhooks that a change makes.
    """
    from hub.testing import serve

    described = load_plugins(settings())[plugin]
    if described.simulator is None:
        raise UserError(f"plugin {plugin} has no simulator", fix="`studiohub plugin list --json` says which have one.")
    simulator = described.simulator(seed=seed)
    try:
        simulator.faults.set(*fault)
    except ValueError as error:
        fix = "`studiohub simulate --help` says how a fault switch is written."
        raise UserError(str(error), fix=fix, code="fault") from error
    simulator.furnish(0 if empty else members)
    if simulator.webhooks is not None:
        simulator.webhooks.mode = webhooks
    try:
        serving = serve(simulator, port=port)
        async with serving as base_url:
            _introduce(described, simulator, base_url)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        fix = "Choose another with --port (1024 to 65535), or leave it out for a free one."
        raise UserError(f"port {port} can't be used", said=said, fix=fix, code="port") from error


def _introduce(plugin: Plugin, simulator: Simulator, base_url: str) -> None:
    """The address, what connects to it, and what there is to map. The logins are made up, so they may be shown."""
    lines = [f"{plugin.title} simulated at {base_url}", "", "[[connections]]", f'name = "{plugin.name}"']
    lines += [f'plugin = "{plugin.name}"', f'base_url = "{base_url}"', f"requests_per_second = {PACE}"]
    exports = []
    for name, value in simulator.settings().items():
        if name in plugin.settings.secret_names():
            variable = f"{plugin.name}_{name}".upper()
            lines.append(f'{name} = {{ env = "{variable}" }}')
            exports.append(f"export {variable}={shlex.quote(str(value))}")
        else:
            lines.append(f"{name} = {tomlkit.item(value).as_string()}")
    lines += ["", *exports] if exports else []
    ids = simulator.ids()
    if any(ids.get(kind) for kind in MAPPED):
        lines += ["", "What mapping rows can name:"]
    for kind in MAPPED:
        lines += [f"  {kind} {key}  {name}" for key, name in ids.get(kind, {}).items()]
    counts = [f"{len(found)} {kind}s" for kind, found in ids.items() if kind not in MAPPED]
    origin = base_url.removesuffix(simulator.base_path)
    lines += ["", *([f"It holds {', '.join(counts)}: {origin}{_CONTROL}/ids"] if counts else [])]
    lines.append(f"What can be done there: {origin}{_CONTROL}")
    lines.append("Ctrl+C ends it.")
    for line in lines:
        output.line(escape(line), reveal=True)
