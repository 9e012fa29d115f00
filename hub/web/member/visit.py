"""A visit to a member's page: whose it is, in which language, and how an answer is put together."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from hub import logs, member_links
from hub.engine.engine import Engine
from hub.notify.wording import LANGUAGES
from hub.web.member import data
from hub.web.member.data import Person
from hub.web.member.speech import Speech, choose_language, speech

__all__ = ["STATIC", "Visit", "form_is_ours", "no_such_page", "static_file", "visited"]

_HERE = Path(__file__).parent
STATIC = {path.name: path for path in sorted((_HERE / "static").iterdir())}
"""The files that pages load, by name."""

log = logs.get("hub.web.member")


@cache
def _prints() -> dict[str, str]:
    """The names under which files are served: they hold a fingerprint, so a browser may keep them for ever."""
    return {
        name: f"{path.stem}.{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}{path.suffix}"
        for name, path in STATIC.items()
    }


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(_HERE / "pages")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.globals["static"] = _prints()
    return found


@dataclass(frozen=True)
class Visit:
    """One request of a member. `up` leads from the page's folder to the member's first page: addresses are relative, so
    that a proxy may serve them under any path."""

    engine: Engine
    request: Request
    token: str
    of: Person
    speech: Speech
    now: datetime
    up: str

    @property
    def csrf(self) -> str:
        """What forms carry."""
        return member_links.form_secret(self.token)

    @property
    def words(self) -> dict[str, Any]:
        """The words of the page, by name."""
        return self.speech.words

    def page(self, template: str, *, at: str, title: str, status: int = 200, **values: Any) -> Response:
        """A page from a template. `at` is the section that it belongs to."""
        text = (
            _templates()
            .get_template(template)
            .render(visit=self, of=self.of, w=self.words, say=self.speech, up=self.up, at=at, title=title, **values)
        )
        return HTMLResponse(text, status_code=status)

    def go(self, where: str) -> Response:
        """See another page after a form was taken. The address is relative to the member's first page."""
        return RedirectResponse(self.up + where, status_code=303)


Handler = Callable[[Visit], Awaitable[Response]]


def visited(engine: Engine, handler: Handler, *, up: str = "") -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a page. A link that is forged, over, or of somebody who is not known gets one and the same
    answer."""

    async def endpoint(request: Request) -> Response:
        token, now = request.path_params["token"], engine.clock.now()
        link = member_links.read_token(engine.vault, token, now=now)
        of: Person | None = None
        if link is not None:
            async with engine.database.read() as db:
                of = await data.person(db, link.studio_id, link.source_id, link.member, link.made_at)
        if of is None:
            return _no_such_link(up)
        accepted = request.headers.get("accept-language", "")
        language = choose_language(of.record.language, accepted, of.studio.language)
        with logs.bind(studio=of.studio.name, member=of.ref):
            return await handler(Visit(engine, request, token, of, speech(language), now, up))

    return endpoint


def _no_such_link(up: str) -> Response:
    texts = [(language, speech(language).words["link"]) for language in LANGUAGES]
    page = _templates().get_template("link.html").render(texts=texts, up=up)
    return HTMLResponse(page, status_code=404)


def no_such_page(visit: Visit, *, words: str = "missing", to: str = "", status: int = 404) -> Response:
    """What is not there, or not theirs: the two look the same."""
    said = visit.words[words]
    return visit.page("missing.html", at="", title=said["title"], said=said, to=to, status=status)


def form_is_ours(visit: Visit, form: dict[str, str]) -> bool:
    """Whether a form comes from a page of this token."""
    return hmac.compare_digest(form.get("csrf", "").encode(), visit.csrf.encode())


async def static_file(request: Request) -> Response:
    """A file that pages load."""
    asked = request.path_params["name"]
    name = next((name for name, printed in _prints().items() if printed == asked), None)
    if name is None:
        return Response(status_code=404)
    return FileResponse(STATIC[name], headers={"cache-control": "public, max-age=31536000, immutable"})
