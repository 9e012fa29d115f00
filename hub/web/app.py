"""The web application, put together."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from hub.engine.engine import Engine
from hub.store.migrate import HEAD
from hub.web.intake import Intake
from hub.web.member import member_pages
from hub.web.metrics import render
from hub.web.webhooks import receive

__all__ = ["make_app"]


def make_app(engine: Engine) -> Starlette:
    """The application of a running engine.

    `/hooks/<connection>/<secret>` takes webhooks, `/healthz` says that the process runs, `/readyz` that it can work,
    and `/metrics` has the numbers; `/me/<token>/` is a member's own page, where somebody said under which address the
    daemon is reached. Bind it to loopback and put a proxy with TLS in front.
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

    routes: list[BaseRoute] = [
        Route("/hooks/{connection}/{secret}", hook, methods=["POST"]),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if engine.settings.public_url or engine.settings.listen:
        routes.append(member_pages(engine))
    return Starlette(routes=routes)
