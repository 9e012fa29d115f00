"""The two vendors as one application. It counts what must never happen: a grant made twice, two calls for one site at
once from different clients, a grant for nobody."""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["Pair"]


@dataclass
class Pair:
    """Both vendors' state. `latency` is how long the lock takes for a call, in seconds; `down` and `roll_down` answer
    503."""

    members: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    grants: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    latency: float = 0.0
    down: bool = False
    roll_down: bool = False
    calls: int = 0
    busy: dict[str, int] = field(default_factory=dict)
    overlaps: int = 0
    at_page: asyncio.Event | None = None
    """Set, a read of the members waits for it at its second page."""

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)

    def join(self, company: str, member: str, *, state: str = "active", until: str | None = None) -> None:
        """Add a member, or change one."""
        row = {"id": member, "name": f"M{member}", "state": state, "until": until}
        self.members.setdefault(company, {})[member] = row

    def doubles(self) -> list[str]:
        """Markers that stand more than once at a site."""
        found = []
        for site, rows in self.grants.items():
            markers = [row["marker"] for row in rows.values()]
            found += [f"{site} {marker}" for marker in set(markers) if markers.count(marker) > 1]
        return found

    def opens(self, site: str, member: str) -> bool:
        """Whether a member's grant stands at a site."""
        return any(row["marker"].endswith(f":{member}]") for row in self.grants.get(site, {}).values())

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/roll/{company}/members", self._list),
                Route("/roll/{company}/members/{member}", self._one),
                Route("/latch/{site}/grants", self._grants, methods=["GET", "POST"]),
                Route("/latch/{site}/grants/{grant}", self._grant, methods=["PUT", "DELETE"]),
                Route("/counts", self._counts),
                Route("/fill", self._fill, methods=["POST"]),
            ]
        )

    async def _list(self, request: Request) -> Response:
        if self.roll_down:
            return Response(status_code=503)
        rows = list(self.members.get(request.path_params["company"], {}).values())
        page = int(request.query_params.get("page", "0"))
        if page == 1 and self.at_page is not None:
            await self.at_page.wait()
        return JSONResponse(rows[page * 100 : page * 100 + 100])

    async def _one(self, request: Request) -> Response:
        row = self.members.get(request.path_params["company"], {}).get(request.path_params["member"])
        return JSONResponse(row) if row is not None else Response(status_code=404)

    async def _grants(self, request: Request) -> Response:
        rows = self.grants.setdefault(request.path_params["site"], {})
        if self.down:
            return Response(status_code=503)
        if request.method == "GET":
            marker = request.query_params.get("marker")
            return JSONResponse([row for row in rows.values() if marker is None or row["marker"] == marker])
        body = await request.json()
        await self._work(request.path_params["site"])
        row = {"id": str(next(self._ids)), **body}
        rows[row["id"]] = row
        return JSONResponse(row, status_code=201)

    async def _grant(self, request: Request) -> Response:
        rows, key = self.grants.setdefault(request.path_params["site"], {}), request.path_params["grant"]
        if self.down:
            return Response(status_code=503)
        await self._work(request.path_params["site"])
        if key not in rows:
            return Response(status_code=404)
        if request.method == "DELETE":
            del rows[key]
        else:
            rows[key] = {**rows[key], **(await request.json())}
        return Response(status_code=204)

    async def _work(self, site: str) -> None:
        self.calls += 1
        self.busy[site] = self.busy.get(site, 0) + 1
        self.overlaps += self.busy[site] > 1
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.busy[site] -= 1

    async def _counts(self, _request: Request) -> Response:
        counts = {
            "grants": sum(len(rows) for rows in self.grants.values()),
            "doubles": self.doubles(),
            "calls": self.calls,
            "overlaps": self.overlaps,
        }
        return JSONResponse(counts)

    async def _fill(self, request: Request) -> Response:
        asked = await request.json()
        self.latency = asked.get("latency", self.latency)
        if asked.get("empty"):
            self.grants.clear()
            self.calls = self.overlaps = 0
        self.down = asked.get("down", self.down)
        self.roll_down = asked.get("roll_down", self.roll_down)
        for row in asked.get("rows", ()):
            self.join(**row)
        for company in asked.get("companies", ()):
            for number in range(asked["members"]):
                self.join(company, str(number))
        return JSONResponse({})


if __name__ == "__main__":
    uvicorn.run(Pair().app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
