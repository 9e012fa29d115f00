"""The pages on which a member changes something: the profile with the switch of the live display, the export of their
data, and the request to erase it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from hub import times
from hub.engine.personal import personal_data
from hub.look.members import Found
from hub.web.member import changes, data, profile
from hub.web.member.data import OwnWord
from hub.web.member.profile import FIELDS, Wrong
from hub.web.member.safety import read_form
from hub.web.member.visit import Visit, form_is_ours, no_such_page

__all__ = ["ask_erasure", "erasure", "export", "save_profile", "show_profile"]

SAVED = ("profile", "on", "off")


async def show_profile(visit: Visit) -> Response:
    """What the member said, beside what the booking system says."""
    own = await _own_word(visit)
    typed = {name: profile.shown(value, visit.speech.language) for name, value in own.profile.items()}
    saved = visit.request.query_params.get("saved", "")
    return _profile_page(visit, own, typed, saved=saved if saved in SAVED else "")


async def save_profile(visit: Visit) -> Response:
    """Take one of the two forms. What is wrong is told beside its field, with everything as it was typed."""
    form = await read_form(visit.request)
    if not form_is_ours(visit, form):
        return _stale(visit)
    if form.get("form") == "live":
        shown = form.get("show_live") == "on"
        await changes.say_show_live(visit.engine, visit.of, shown)
        return visit.go(f"profile?saved={'on' if shown else 'off'}")
    if form.get("form") != "body":
        return _stale(visit)
    today = visit.now.astimezone(times.zone(visit.of.studio.timezone)).date()
    said, wrong = profile.check(form, today=today)
    if wrong:
        return _profile_page(visit, await _own_word(visit), form, wrong=wrong)
    await changes.say_profile(visit.engine, visit.of, said)
    return visit.go("profile?saved=profile")


def _profile_page(
    visit: Visit, own: OwnWord, typed: Mapping[str, str], *, wrong: list[Wrong] | None = None, saved: str = ""
) -> Response:
    source = visit.of.record
    errors = {one.field.name: _sentence(visit, one) for one in wrong or ()}
    title = visit.words["profile"]["title"]
    return visit.page(
        "profile.html",
        at="profile",
        title=f"{visit.words['error_prefix']}{title}" if errors else title,
        heading=title,
        status=422 if errors else 200,
        shown=own.show_live if own.show_live is not None else source.show_live,
        fields=FIELDS,
        typed={field.name: typed.get(field.name, "") for field in FIELDS},
        at_source={field.name: _at_source(visit, field.name) for field in FIELDS},
        errors=errors,
        saved=saved,
    )


def _sentence(visit: Visit, wrong: Wrong) -> str:
    field = wrong.field
    example = visit.speech.number((field.low + field.high) / 2 + 0.5, 1)
    text: str = visit.words["wrong"][wrong.why]
    return text.format(example=example, low=field.low, high=field.high, unit=field.unit)


def _at_source(visit: Visit, name: str) -> str:
    """What the booking system says about a field; empty for nothing."""
    value = getattr(visit.of.record, name, None)
    if value is None or value == "":
        return ""
    if name == "gender":
        return str(visit.words["choices"].get(value, value))
    if name == "birth_date":
        return str(value.isoformat())
    unit = next(field.unit for field in FIELDS if field.name == name)
    return f"{profile.shown(value, visit.speech.language)}\u00a0{unit}"


async def export(visit: Visit) -> Response:
    """Everything that is kept about the member, as a file. What was written freely (lines of the log, reasons) is left
    to staff: it may name others."""
    of = visit.of
    found = Found(of.source_id, of.source, of.record.id, of.record.name)
    async with visit.engine.database.read() as db:
        kept = await personal_data(db, visit.engine.hub_of(of.studio), found)
    kept.pop("log")
    for grant in kept["grants"]:
        for event in grant["history"]:
            event.pop("text")
    for result in kept["results"]:
        for change in result["history"]:
            change.pop("why")
    text = json.dumps(kept, ensure_ascii=False, indent=2) + "\n"
    headers = {"content-disposition": 'attachment; filename="my-data.json"'}
    return Response(text, media_type="application/json", headers=headers)


async def erasure(visit: Visit) -> Response:
    """What asking for erasure means, before it is asked for; and when it was asked for."""
    async with visit.engine.database.read() as db:
        asked = await data.erasure_asked(db, visit.of)
    words = visit.words["erase"]
    title = words["asked_title"] if asked is not None else words["title"]
    return visit.page("erase.html", at="profile", title=title, asked=asked)


async def ask_erasure(visit: Visit) -> Response:
    """Take the request."""
    if not form_is_ours(visit, await read_form(visit.request)):
        return _stale(visit)
    await changes.ask_to_erase(visit.engine, visit.of)
    return visit.go("erase")


def _stale(visit: Visit) -> Response:
    return no_such_page(visit, words="stale", to="profile", status=403)


async def _own_word(visit: Visit) -> OwnWord:
    async with visit.engine.database.read() as db:
        return await data.own_word(db, visit.engine.vault, visit.of.source_id, visit.of.record.id)
