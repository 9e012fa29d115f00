"""The simulator against the vendor's own description of its API, where there is a file of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["ContractKit", "operations_in"]

_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head"})
_PARAMETER = re.compile(r"\{[^}]*\}")


class ContractKit(Kit):
    """Plugins whose kit names a `contract`."""

    @promise(network=True)
    async def test_the_simulator_serves_what_the_contract_says(self) -> None:
        """Every operation that it serves is in the contract, under its name, its method and its path."""
        if self.contract is None:
            return
        known = operations_in(self.contract)
        async with self.vendor() as bench:
            base = bench.vendor.base_path
            for one in bench.vendor.operations():
                places = known.get(one.name)
                expect(places, f"the simulator serves {one.name}, which the contract doesn't have")
                paths = {_bare(one.template), _bare(base + one.template)}
                fits = any(method == one.method and _bare(path) in paths for method, path in places or ())
                expect(fits, f"the simulator serves {one.name} as {one.method} {one.template}, the contract otherwise")


def operations_in(file: Path) -> dict[str, list[tuple[str, str]]]:
    """Methods and paths of an OpenAPI file by operationId. Raises Broken for a file that can't be read."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path, item in _read(file).get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS and "operationId" in operation:
                found.setdefault(operation["operationId"], []).append((method.upper(), path))
    return found


def _read(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return json.loads(text)
    try:
        import yaml  # only where a contract is written in it
    except ImportError as error:
        raise Broken(f"{file.name} is YAML; install pyyaml to compare the simulator with it") from error
    return yaml.safe_load(text)


def _bare(path: str) -> str:
    return _PARAMETER.sub("{}", path).rstrip("/")
