"""anny and exivo as one process, with a way to book and to ask when the visits came; and the bare handler beside a hub.

`python -m tests.benchmarks.booked_vendors vendors PORT`, or `… bare PORT EXIVO_ADDRESS`.
"""

from __future__ import annotations

import base64
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from plugins.booking.anny.simulator import AnnySimulator
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator

CUSTOMERS = 200


def vendors() -> Starlette:
    """Both simulators. A booking is made with POST /book; GET /came says when each booking's visit was there."""
    anny, exivo = AnnySimulator(), ExivoSimulator(doors={"C-1": "Front door"})
    room = anny.desk.resource("Room 1", id="r-1")
    customers = [
        anny.desk.customer(f"Given{number}", id=f"c{number}", email=f"c{number}@example.org")
        for number in range(CUSTOMERS)
    ]
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    came: dict[str, float] = {}

    async def book(request: Request) -> Response:
        number = int((await request.body()).decode())
        # Nobody's windows touch: each booking is a visit of its own.
        at = start + timedelta(hours=3 * (number // CUSTOMERS))
        row = anny.desk.booking(customers[number % CUSTOMERS], room, at, number=f"B{number}")
        return JSONResponse({"id": row["id"]})

    async def times(request: Request) -> Response:
        return JSONResponse(came)

    async def door(scope: Any, receive: Any, send: Any) -> None:
        before = len(exivo.world.visits)
        await exivo(below(scope, "/exivo"), receive, send)
        if len(exivo.world.visits) > before:
            newest = list(exivo.world.visits.values())[-1]
            came[str(newest["name"]).split()[0]] = time.time()

    async def source(scope: Any, receive: Any, send: Any) -> None:
        await anny(below(scope, "/anny"), receive, send)

    return Starlette(
        routes=[
            Route("/book", book, methods=["POST"]),
            Route("/came", times),
            Mount("/anny", app=source),
            Mount("/exivo", app=door),
        ]
    )


def below(scope: Any, prefix: str) -> Any:
    """The request as the vendor sees it."""
    return {**scope, "path": scope["path"].removeprefix(prefix), "raw_path": None, "root_path": ""}


def bare(exivo: str) -> Starlette:
    """What a handler does that knows nothing: the same call to exivo for each webhook, and nothing kept."""
    login = base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
    client = httpx.AsyncClient(headers={"authorization": f"Basic {login}"}, timeout=30)
    start = datetime.now(UTC) + timedelta(days=1)

    async def hook(request: Request) -> Response:
        name = (await request.json())["data"]["number"]
        body = {
            "code": "123456",
            "name": f"{name} [hub]",
            "components": ["C-1"],
            "validFrom": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "validTo": f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        answer = await client.post(f"{exivo}/v1/{SITE_ID}/visit", json=body)
        answer.raise_for_status()
        return Response(status_code=202)

    return Starlette(routes=[Route("/hook", hook, methods=["POST"])])


if __name__ == "__main__":
    app = vendors() if sys.argv[1] == "vendors" else bare(sys.argv[3])
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
