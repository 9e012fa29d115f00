"""For integrators: simulators and plugins."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape

from hub.cli import output
from hub.cli.opened import Json, settings
from hub.core import load_plugins
from hub.errors import UserError

__all__ = ["plugin_", "simulate_"]


async def simulate_(
    plugin: str,
    /,
    *,
    port: int = 0,
    fault: Annotated[tuple[str, ...], Parameter(name="--fault", negative=())] = (),
    seed: int = 1,
) -> None:
    """Serve a vendor's simulator over HTTP on this machine, until Ctrl+C.

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
    try:
        serving = serve(simulator, port=port)
        async with serving as base_url:
            output.line(f"{escape(described.title)} simulated at {base_url}")
            for name, value in _logins(simulator).items():
                output.line(f"  {name} = {escape(value)}", reveal=True)
            output.line("  Ctrl+C ends it.")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        fix = "Choose another with --port (1024 to 65535), or leave it out for a free one."
        raise UserError(f"port {port} can't be used", said=said, fix=fix, code="port") from error


def _logins(simulator: Any) -> dict[str, str]:
    """What to put into the settings of a connection to it; made up, so it may be shown."""
    logins: dict[str, str] = getattr(simulator, "logins", {})
    return logins


plugin_ = App(name="plugin", help="Plugins that are installed.", result_action="return_value")


@plugin_.command(name="list")
async def list_(*, json: Json = False) -> int:
    """The installed plugins, and what is wrong with those that could not be loaded."""
    plugins = load_plugins(settings())
    if json:
        output.print_json(
            {
                "plugins": [
                    {
                        "name": one.name,
                        "title": one.title,
                        "kind": one.kind,
                        "abilities": sorted(one.abilities),
                        "from": plugins.versions.get(one.name),
                        "simulator": one.simulator is not None,
                        "experimental": one.experimental,
                    }
                    for one in plugins.loaded.values()
                ],
                "broken": [{"name": one.name, "from": one.distribution, "why": one.why} for one in plugins.broken],
            }
        )
        return 0
    rows = [
        [one.name, escape(one.title), one.kind, ", ".join(sorted(one.abilities)), plugins.versions.get(one.name, "")]
        for one in plugins.loaded.values()
    ]
    output.table(["name", "vendor", "kind", "abilities", "from"], rows)
    for broken in plugins.broken:
        output.line(f"{output.status('warning', broken.name)} could not be loaded: {escape(broken.why)}")
    return 0
