"""The members' own page, reached by a link from a mail: rides, trends, personal bests, profile and data.

Rendered on the server, without cookies; scripts only show the values of charts where somebody points.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from hub.engine.engine import Engine
from hub.web.member import changing, looking
from hub.web.member.safety import SafeHeaders
from hub.web.member.visit import Handler, static_file, visited

__all__ = ["member_pages"]


def member_pages(engine: Engine) -> Mount:
    """Everything below `/me/`: an application of its own, so that its headers stand on every answer, errors too."""

    def page(path: str, handler: Handler, *, method: str = "GET", up: str = "") -> Route:
        return Route(f"/{{token}}/{path}", visited(engine, handler, up=up), methods=[method])

    routes = [
        Route("/static/{name}", static_file),
        Route("/{token}", _with_slash),
        page("", looking.first),
        page("classes", looking.all_classes),
        page("classes/{event}", looking.one_class, up="../"),
        page("trends", looking.trends),
        page("bests", looking.all_bests),
        page("profile", changing.show_profile),
        page("profile", changing.save_profile, method="POST"),
        page("my-data.json", changing.export),
        page("erase", changing.erasure),
        page("erase", changing.ask_erasure, method="POST"),
    ]
    inner = Starlette(routes=routes)
    # Its own redirects would name the host that the proxy speaks to.
    inner.router.redirect_slashes = False
    return Mount("/me", app=SafeHeaders(inner))


async def _with_slash(request: Request) -> Response:
    """Addresses on a page are relative to its folder."""
    return RedirectResponse(f"{request.path_params['token']}/", status_code=307)
