"""The web application, put together."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from hub.engine.engine import Engine
from hub.store.migrate import HEAD
from hub.web.intake import Intake
from hub.web.metrics import render
from hub.web.webhooks import receive

__all__ = ["make_app"]


def make_app(engine: Engine) -> Starlette:
    """The application of a running engine.

    `/hooks/<connection>/<secret>` takes webhooks, `/healthz` says that the process runs, `/readyz` that it can work,
    and `/metrics` has the numbers. Bind it to loopback and put a proxy with TLS in front.
    """

    intake = Intake(engine)

    async def hook(request: Request) -> Response:
        return await receive(intake, request)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        problems = await engine.not_ready()
        body = {"ready": not problems, "problems": problems, "schema": HEAD}
        return JSONResponse(body, status_code=503 if problems else 200)

    async def metrics(_request: Request) -> Response:
        return Response(await render(engine), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(
        routes=[
            Route("/hooks/{connection}/{secret}", hook, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
