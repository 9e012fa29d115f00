"""Visits at exivo: named doors, a window, a code and a link; made once, never changed, revoked for good."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub import (
    Conflict,
    FixRecord,
    FixSettings,
    NotFound,
    Refused,
    RetryLater,
    Unconfirmed,
    grants,
    redact,
)
from hub.testing import Request
from plugins import exivo
from plugins.exivo._sim_base import bad
from plugins.exivo.simulator import ExivoSimulator
from tests.plugins.exivo.support import NOW, Recorder, Site, connection, marker, opened
from tests.plugins.exivo.support import site as make_site
from tests.plugins.exivo.test_contract import strict as strict

STARTS = NOW + timedelta(hours=1)
ENDS = NOW + timedelta(hours=3)
CODE = "012345"


def doors(site: Site, *names: str) -> tuple[str, ...]:
    """The ids of doors."""
    by_name = {row["identifier"]: identifier for identifier, row in site.sim.components.items()}
    return tuple(by_name[name] for name in names or ("Studio 1", "Front door"))


def visit(site: Site, booking: str = "b1", **fields: Any) -> grants.Grant:
    """A visit to be at exivo."""
    values: dict[str, Any] = {
        "opens": grants.Opens(locks=doors(site)),
        "valid_from": STARTS,
        "valid_until": ENDS,
        "label": "Anna Graf",
        "credential": "both",
        "code": CODE,
        "reference": "R-4711",
        **fields,
    }
    return grants.Grant(id=f"g-{booking}", member="desk:1", marker=marker(booking), **values)


async def made(site: Site, booking: str = "b1", **fields: Any) -> grants.Grant:
    """Make a visit; the grant that stands."""
    done = await site.grant(visit(site, booking, **fields))
    assert done.confirmed
    return visit(site, booking, vendor_id=done.vendor_id, **fields)


async def lost(site: Site, booking: str = "b1", *, fault: str = "drop_after_write", **fields: Any) -> None:
    """Create a visit whose answer is lost."""
    site.sim.faults.set(f"{fault},operation=delegateUnlockDoor")
    with pytest.raises(Unconfirmed):
        await site.grant(visit(site, booking, **fields))
    site.sim.faults.clear()


def opens(site: Site, code: str = CODE, at: datetime = STARTS) -> list[str]:
    """The names of the doors that a code opens."""
    return sorted(row["identifier"] for key, row in site.sim.components.items() if site.sim.code_opens(code, key, at))


def change(site: Site, identifier: str | None, **fields: Any) -> None:
    """Staff change a visit in the portal, or exivo shows another one than was sent."""
    assert identifier is not None
    site.sim.world.visits[identifier] = {**site.sim.world.visits[identifier], **fields}


def revoke_by_hand(site: Site, identifier: str | None) -> None:
    change(site, identifier, revoked=True)


# ── what a visit is ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_visit_opens_its_doors_in_its_window(site: Site) -> None:
    """Those doors, with the hub's code, from the start to the end; and that is confirmed."""
    done = await site.grant(visit(site))
    (row,) = site.sim.visits.values()
    assert done == grants.Granted(
        vendor_id=row["id"], code=CODE, url=row["link"], admin_url="https://customer.exivo.io", notes=()
    )
    assert opens(site) == ["Front door", "Studio 1"]
    assert opens(site, at=STARTS - timedelta(seconds=1)) == []
    assert opens(site, at=ENDS) == []
    assert site.sim.persons == {}


async def test_a_visit_is_made_with_one_call(site: Site) -> None:
    """The answer is the record, so nothing is read after it."""
    calls = site.calls()
    await site.grant(visit(site))
    assert calls.names == ["delegateUnlockDoor"]


async def test_what_is_sent_for_a_visit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code as text, times in UTC that end in Z, the reference in the name before the marker; no contact."""
    recorder = Recorder(site.sim, monkeypatch)
    await site.grant(visit(site, email="anna@example.org", phone="+41 79 000 00 00"))
    assert recorder.body("/visit") == {
        "code": "012345",
        "validFrom": "2026-11-21T10:00:00Z",
        "validTo": "2026-11-21T12:00:00Z",
        "components": list(doors(site)),
        "name": "R-4711 [hub:inst:desk:b1]",
    }


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("", "[hub:inst:desk:b1]"),
        (" a\n b ", "a b [hub:inst:desk:b1]"),
        ("x" * 100, "x" * 60 + " [hub:inst:desk:b1]"),
        ("x" * 59 + " y", "x" * 59 + " [hub:inst:desk:b1]"),
        ("[hub:inst:desk:b0]", "[hub:inst:desk:b0] [hub:inst:desk:b1]"),
    ],
)
async def test_the_name_is_short_and_ends_with_the_marker(site: Site, reference: str, name: str) -> None:
    """How long it may be is unknown, and the marker is what must not be lost."""
    wanted = await made(site, reference=reference)
    assert site.sim.visits[str(wanted.vendor_id)]["name"] == name
    assert (await site.observe())[str(wanted.vendor_id)].marker == marker("b1")


async def test_an_endless_visit_gets_a_far_end_that_is_read_as_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exivo requires an end; it is the same one every time, so the visit is recognized."""
    recorder = Recorder(site.sim, monkeypatch)
    wanted = await made(site, valid_until=None)
    assert recorder.body("/visit")["validTo"] == "2099-12-31T00:00:00Z"
    assert (await site.observe())[str(wanted.vendor_id)].valid_until is None
    site.clock.set(NOW + timedelta(days=400))
    calls = site.calls()
    assert (await site.grant(wanted)).vendor_id == wanted.vendor_id
    assert calls.writes == []


async def test_a_visit_without_a_start_begins_now(site: Site) -> None:
    """Whoever has access at once need not wait."""
    await made(site, valid_from=None)
    assert opens(site, at=NOW)


async def test_a_window_that_is_over_is_told_without_a_call(site: Site) -> None:
    """exivo refuses an end that is not in the future."""
    calls = site.calls()
    with pytest.raises(FixRecord) as caught:
        await site.grant(visit(site, valid_from=None, valid_until=NOW))
    assert caught.value.code == "window_over"
    assert calls.names == []


@pytest.mark.parametrize("credential", ["code", "link", "both", None])
async def test_code_and_link_are_answered_whatever_the_studio_hands_out(site: Site, credential: Any) -> None:
    """The code has to be entered before a door opens by way of the link too."""
    done = await site.grant(visit(site, credential=credential))
    assert done.code == CODE
    assert done.url is not None
    assert opens(site)


@pytest.mark.parametrize("code", [None, "", "123", "1234567", "12345a", "１２３４５６"])
async def test_a_code_that_exivo_could_not_take_is_not_sent(site: Site, code: str | None) -> None:
    """It takes four to six digits."""
    with pytest.raises(FixRecord):
        await site.grant(visit(site, code=code))
    assert site.sim.visits == {}


def test_codes_are_drawn_in_the_vendors_format() -> None:
    """Six digits as text; zeros in front are kept, and they differ."""
    draw = exivo.describe().draw_code
    assert draw is not None
    codes = [draw() for _ in range(500)]
    assert all(re.fullmatch("[0-9]{6}", code) for code in codes)
    assert len(set(codes)) > 480
    assert any(code.startswith("0") for code in codes)


async def test_all_that_is_sent_for_visits_is_in_the_contract(strict: list[str]) -> None:
    """Paths, queries and bodies, field by field, with every kind of invitation."""
    for invite in ("none", "email", "sms"):
        async with opened(make_site(), invite=invite) as site:
            wanted = await made(site, email="anna@example.org", phone="+41 79 000 00 00")
            assert (await site.revoke(wanted)).confirmed
            assert len(await site.observe()) == 1
    assert strict == []


# ── exivo's own message ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("invite", "sent"),
    [("none", []), ("email", ["anna@example.org"]), ("sms", ["+41 79 000 00 00"])],
)
async def test_exivo_writes_to_members_only_where_the_studio_says_so(invite: str, sent: list[str]) -> None:
    """Otherwise a member would get a second message, in a way that nobody expects."""
    async with opened(make_site(), invite=invite) as site:
        done = await site.grant(visit(site, email="anna@example.org", phone="+41 79 000 00 00"))
        assert [to for to, _ in site.sim.invitations] == sent
        assert done.notes == ()


@pytest.mark.parametrize("phone", [None, "", "079 000 00 00", "+41-79-000-00-00", "+4179", "+41 79 000 00 00 ext. 5"])
async def test_a_phone_that_exivo_refuses_is_left_out_and_told(phone: str | None) -> None:
    """The visit matters more than the message; the number itself is not repeated."""
    async with opened(make_site(), invite="sms") as site:
        done = await site.grant(visit(site, email="anna@example.org", phone=phone))
        assert done.confirmed
        assert site.sim.invitations == []
        (note,) = done.notes
        assert note.code == "not_invited"
        assert not phone or phone not in note.text


@pytest.mark.parametrize("email", [None, "anna", "anna@", "a na@example.org"])
async def test_an_address_that_exivo_refuses_is_left_out_and_told(email: str | None) -> None:
    """As with a phone."""
    async with opened(make_site(), invite="email") as site:
        done = await site.grant(visit(site, email=email, phone="+41 79 000 00 00"))
        assert [note.code for note in done.notes] == ["not_invited"]
        assert site.sim.invitations == []


# ── what stands already ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_visit_that_stands_is_only_read(site: Site) -> None:
    """Idempotent: the second call answers the same and changes nothing."""
    first = await site.grant(visit(site))
    calls = site.calls()
    assert await site.grant(visit(site, vendor_id=first.vendor_id)) == first
    assert calls.names == ["getVisit"]


async def test_a_start_that_has_passed_is_no_difference(site: Site) -> None:
    """A visit that began an hour ago is the same visit."""
    wanted = await made(site)
    site.clock.set(STARTS + timedelta(hours=1))
    calls = site.calls()
    assert (await site.grant(wanted)).confirmed
    assert calls.writes == []


async def test_the_code_that_the_visit_really_has_is_answered(site: Site) -> None:
    """Whatever the hub believes it to be."""
    wanted = await made(site)
    change(site, wanted.vendor_id, code="999999")
    assert (await site.grant(wanted)).code == "999999"


@pytest.mark.parametrize("end", ["revoked", "gone"])
async def test_a_visit_that_opens_nothing_any_more_is_made_anew(site: Site, end: str) -> None:
    """Revoking is final, so another one takes its place."""
    wanted = await made(site)
    if end == "revoked":
        revoke_by_hand(site, wanted.vendor_id)
    else:
        del site.sim.world.visits[str(wanted.vendor_id)]
    # A visit that this process made a moment ago may just not be shown yet.
    async with opened(site.sim, site.clock) as later:
        done = await later.grant(wanted)
    assert done.confirmed
    assert done.vendor_id != wanted.vendor_id
    assert opens(site)


async def test_an_expired_visit_is_made_anew(site: Site) -> None:
    """Somebody may have ended it early."""
    wanted = await made(site)
    change(site, wanted.vendor_id, validTo="2026-11-21T09:00:00.000Z")
    done = await site.grant(wanted)
    assert done.vendor_id != wanted.vendor_id
    assert opens(site)


async def test_a_visit_made_just_now_that_is_not_shown_yet_is_not_made_again(site: Site) -> None:
    """Reads may lag behind."""
    wanted = await made(site)
    del site.sim.world.visits[str(wanted.vendor_id)]
    with pytest.raises(RetryLater) as caught:
        await site.grant(wanted)
    assert caught.value.code == "settling"


@pytest.mark.parametrize("name", ["R-4711", "[hub:inst:desk:other]", None])
async def test_a_visit_without_our_marker_is_left_alone(site: Site, name: str | None) -> None:
    """Neither taken for ours nor revoked; what to do is told."""
    wanted = await made(site)
    change(site, wanted.vendor_id, name=name)
    calls = site.calls()
    for call in (site.grant, site.revoke):
        with pytest.raises(Conflict) as caught:
            await call(wanted)
        assert caught.value.code == ("marker_other" if name and "hub" in name else "marker_gone")
        assert wanted.marker in caught.value.fix
    assert calls.writes == []


async def test_a_visit_that_somebody_changed_is_a_conflict(site: Site) -> None:
    """The API can't change one, so it was done by hand; a visit that exivo shows otherwise is not made again and
    again."""
    wanted = await made(site)
    for fields in ({"components": [*doors(site), *doors(site, "Sauna")]}, {"validTo": "2026-11-21T15:00:00.000Z"}):
        change(site, wanted.vendor_id, **fields)
        calls = site.calls()
        with pytest.raises(Conflict) as caught:
            await site.grant(wanted)
        assert caught.value.code == "visit_changed"
        assert calls.writes == []
    assert (await site.revoke(wanted)).confirmed
    assert opens(site) == []


async def test_moving_a_visit_is_a_new_one_and_the_old_one_revoked(site: Site) -> None:
    """There is no call that changes one."""
    old = await made(site)
    new = await made(site, code="555555", valid_until=ENDS + timedelta(hours=1))
    assert (await site.revoke(old)).confirmed
    assert opens(site) == []
    assert opens(site, "555555") == ["Front door", "Studio 1"]
    assert old.vendor_id != new.vendor_id


# ── quirks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_masked_codes_are_never_answered_as_codes(site: Site) -> None:
    """Of a visit just made the code is the one that was sent; of one that was only read it is not known."""
    site.sim.faults.set("masked_codes")
    done = await site.grant(visit(site))
    assert done.code == CODE
    read = await site.grant(visit(site, vendor_id=done.vendor_id))
    assert (read.code, read.url, read.confirmed) == (None, done.url, True)


@pytest.mark.parametrize(("credential", "notes"), [("both", ["no_link"]), ("link", ["no_link"]), ("code", [])])
async def test_a_link_that_is_absent_is_told_where_it_is_wanted(site: Site, credential: Any, notes: list[str]) -> None:
    """The vendor's text has it, its prose has not; the code still opens."""
    site.sim.faults.set("link_absent")
    calls = site.calls()
    done = await site.grant(visit(site, credential=credential))
    assert (done.url, done.code, done.confirmed) == (None, CODE, True)
    assert [note.code for note in done.notes] == notes
    assert calls.names == ["delegateUnlockDoor", *(["getVisit"] if notes else [])]


async def test_a_link_that_comes_late_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to creating may lack what reading shows."""
    create = ExivoSimulator.delegate_unlock_door

    def without_link(self: ExivoSimulator, request: Request) -> Any:
        return {name: value for name, value in create(self, request).items() if name != "link"}

    monkeypatch.setattr(ExivoSimulator, "delegate_unlock_door", without_link)
    done = await site.grant(visit(site))
    assert done.url is not None
    assert done.notes == ()


async def test_a_visit_that_cannot_be_read_back_is_not_lost(site: Site) -> None:
    """Its id is what it can be revoked with, so an error after creating it would make a second one."""
    site.sim.faults.set("link_absent")
    site.sim.faults.set("status=503,operation=getVisit")
    done = await site.grant(visit(site))
    assert (done.vendor_id, done.confirmed) == (next(iter(site.sim.visits)), True)


async def test_a_visit_that_comes_out_otherwise_is_not_confirmed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """exivo may shorten a name or an end; how long they may be is unknown."""
    create = ExivoSimulator.delegate_unlock_door
    for fields in ({"name": "R-4711 [hub:in"}, {"validTo": "2026-11-21T11:00:00.000Z"}):

        def shortened(self: ExivoSimulator, request: Request, fields: Any = fields) -> Any:
            row = create(self, request)
            change(site, row["id"], **fields)
            return {**row, **fields}

        monkeypatch.setattr(ExivoSimulator, "delegate_unlock_door", shortened)
        done = await site.grant(visit(site))
        assert done.vendor_id in site.sim.visits
        assert not done.confirmed


@pytest.mark.parametrize("starts", [NOW - timedelta(hours=1), NOW - timedelta(microseconds=1), None])
async def test_a_past_start_that_is_refused_is_moved_to_now(starts: datetime | None) -> None:
    """Sources disagree on whether a start may be past."""
    async with opened(make_site()) as site:
        site.clock.set(NOW + timedelta(microseconds=500_000))
        site.sim.faults.set("refuse_past_valid_from")
        done = await site.grant(visit(site, valid_from=starts))
        assert done.confirmed
        assert opens(site, at=NOW + timedelta(seconds=10))


async def test_a_past_start_is_sent_as_it_is_where_exivo_takes_it(site: Site) -> None:
    """The record then says what the booking says."""
    wanted = await made(site, valid_from=NOW - timedelta(hours=1))
    assert site.sim.visits[str(wanted.vendor_id)]["validFrom"] == "2026-11-21T08:00:00.000Z"


async def test_a_start_to_come_is_tried_once(site: Site) -> None:
    """Nobody gets in earlier because a visit was refused."""
    site.sim.faults.set("unique_codes")
    await made(site)
    calls = site.calls()
    with pytest.raises(Refused):
        await site.grant(visit(site, "b2"))
    assert calls.writes == ["delegateUnlockDoor"]


async def test_a_code_that_is_taken_is_told_so_that_another_is_drawn(site: Site) -> None:
    """Whether codes are unique is unknown; the vendor's words go along, and none of them is the code."""
    site.sim.faults.set("unique_codes")
    await made(site)
    for starts in (STARTS, NOW - timedelta(hours=1)):
        with pytest.raises(Refused) as caught:
            await site.grant(visit(site, "b2", valid_from=starts))
        assert (caught.value.code, caught.value.said) == ("code_taken", "the code is in use")
    assert (await site.grant(visit(site, "b2", code="555555"))).confirmed


async def test_two_visits_may_share_a_code_where_exivo_lets_them(site: Site) -> None:
    """One integration does so."""
    first, second = await made(site), await made(site, "b2")
    assert first.vendor_id != second.vendor_id


async def test_a_code_that_exivo_repeats_in_a_refusal_is_masked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vendor said ends up in the inbox."""

    def refuse(self: ExivoSimulator, request: Request) -> Any:
        raise bad(f"{request.json()['code']} is in use")

    monkeypatch.setattr(ExivoSimulator, "delegate_unlock_door", refuse)
    with pytest.raises(Refused) as caught:
        await site.grant(visit(site))
    assert caught.value.said == f"{redact.MASK} is in use"


async def test_a_door_that_is_gone_is_named(site: Site) -> None:
    """Drawing another code would not help."""
    gone = grants.Opens(locks=(*doors(site), "gone"))
    for starts in (STARTS, NOW - timedelta(hours=1)):
        with pytest.raises(FixRecord) as caught:
            await site.grant(visit(site, opens=gone, valid_from=starts))
        assert caught.value.code == "opening_missing"
        assert "door gone," in caught.value.what
        assert caught.value.said == "unknown component gone"


async def test_a_gateway_is_no_door(site: Site) -> None:
    """It is listed among them."""
    with pytest.raises(FixRecord) as caught:
        await site.grant(visit(site, opens=grants.Opens(locks=doors(site, "Gateway"))))
    assert caught.value.code == "opening_missing"


# ── a lost answer ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["drop_after_write", "status=503,when=after", "cut_body", "garbage"])
async def test_a_create_whose_answer_is_lost_is_found_and_not_repeated(site: Site, fault: str) -> None:
    """By marker, doors and end; exivo knows no other way to recognize a call."""
    await lost(site, fault=fault)
    done = await site.grant(visit(site, look_first=True))
    (row,) = site.sim.visits.values()
    assert (done.vendor_id, done.code, done.url) == (row["id"], CODE, row["link"])


async def test_a_lost_visit_with_a_masked_code_is_found_too(site: Site) -> None:
    """Its code is not answered, since only the vendor knows it for certain."""
    await lost(site)
    site.sim.faults.set("masked_codes")
    done = await site.grant(visit(site, look_first=True))
    assert done.vendor_id in site.sim.visits
    assert (done.code, done.confirmed) == (None, True)


async def test_not_finding_a_lost_visit_proves_nothing_until_it_is_settled(site: Site) -> None:
    """The request may still be worked on; afterwards the visit is made."""
    wanted = visit(site, look_first=True, sure_after=NOW + timedelta(seconds=10))
    for call in (site.grant, site.revoke):
        with pytest.raises(RetryLater) as caught:
            await call(wanted)
        assert (caught.value.code, caught.value.after) == ("settling", timedelta(seconds=10))
    site.clock.set(NOW + timedelta(seconds=10))
    assert (await site.grant(wanted)).confirmed
    assert len(site.sim.visits) == 1


@pytest.mark.parametrize(
    ("booking", "fields"),
    [
        ("b2", {}),
        ("b1", {"valid_until": ENDS + timedelta(hours=1)}),
        ("b1", {"opens": grants.Opens(locks=("other",))}),
    ],
)
async def test_another_visit_is_not_taken_for_the_lost_one(site: Site, booking: str, fields: dict[str, Any]) -> None:
    """Marker, doors and end must all agree: a moved booking has the old visit beside the new one."""
    other = await made(site)
    if "opens" in fields:
        change(site, other.vendor_id, components=list(doors(site, "Sauna")))
        fields = {}
    done = await site.grant(visit(site, booking, look_first=True, **fields))
    assert done.vendor_id != other.vendor_id


async def test_a_revoked_visit_is_not_taken_for_the_lost_one(site: Site) -> None:
    """It opens nothing."""
    wanted = await made(site)
    revoke_by_hand(site, wanted.vendor_id)
    done = await site.grant(visit(site, look_first=True))
    assert done.vendor_id != wanted.vendor_id


async def test_a_visit_made_anew_whose_answer_was_lost_is_found_beside_the_old_one(site: Site) -> None:
    """The id on record is still that of the one before."""
    wanted = await made(site)
    revoke_by_hand(site, wanted.vendor_id)
    await lost(site)
    done = await site.grant(visit(site, vendor_id=wanted.vendor_id, look_first=True))
    assert len(site.sim.visits) == 2
    assert done.vendor_id != wanted.vendor_id


async def test_a_lost_visit_among_many_is_found() -> None:
    """Page by page; there is no filter."""
    async with opened(make_site(), page_size=10) as site:
        for number in range(25):
            await made(site, f"other-{number}")
        await lost(site)
        done = await site.grant(visit(site, look_first=True))
        assert done.vendor_id == list(site.sim.visits)[-1]


# ── taking back ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_revoked_visit_opens_nothing(site: Site) -> None:
    """And reading it back shows so."""
    wanted = await made(site)
    calls = site.calls()
    assert await site.revoke(wanted) == grants.Revoked()
    assert calls.names == ["getVisit", "revokeUnlockDoorDelegation", "getVisit"]
    assert opens(site) == []


@pytest.mark.parametrize("end", ["revoked", "expired", "gone"])
async def test_a_visit_that_opens_nothing_is_not_revoked_again(site: Site, end: str) -> None:
    """exivo answers an error to that."""
    wanted = await made(site)
    if end == "revoked":
        await site.revoke(wanted)
    elif end == "expired":
        change(site, wanted.vendor_id, validTo="2026-11-21T09:00:00.000Z")
    else:
        assert await site.observe(str(wanted.vendor_id))
        del site.sim.world.visits[str(wanted.vendor_id)]
    calls = site.calls()
    assert await site.revoke(wanted) == grants.Revoked()
    assert calls.names == ["getVisit"]


async def test_a_visit_whose_window_is_over_costs_no_call(site: Site) -> None:
    """Most visits end so."""
    wanted = await made(site)
    site.clock.set(ENDS)
    calls = site.calls()
    assert await site.revoke(wanted) == grants.Revoked()
    assert calls.names == []


async def test_a_visit_that_was_never_made_is_gone_already(site: Site) -> None:
    """Nothing was sent, so nothing is asked."""
    calls = site.calls()
    assert await site.revoke(visit(site)) == grants.Revoked()
    assert calls.names == []


async def test_a_visit_whose_answer_was_lost_is_found_and_revoked(site: Site) -> None:
    """All of them, if there should be several."""
    await lost(site)
    await lost(site)
    assert (await site.revoke(visit(site, look_first=True))).confirmed
    assert [row["revoked"] for row in site.sim.visits.values()] == [True, True]


async def test_a_visit_that_somebody_revokes_at_the_same_moment_is_revoked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 may mean that it is so already; reading tells."""

    def already(self: ExivoSimulator, request: Request) -> None:
        change(site, request["visitId"], revoked=True)
        raise bad("the visit is revoked or expired")

    monkeypatch.setattr(ExivoSimulator, "revoke_unlock_door_delegation", already)
    assert await site.revoke(await made(site)) == grants.Revoked()


async def test_a_revocation_that_is_refused_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the vendor's words: the door still opens."""

    def refuse(self: ExivoSimulator, request: Request) -> None:
        raise bad("not today")

    monkeypatch.setattr(ExivoSimulator, "revoke_unlock_door_delegation", refuse)
    with pytest.raises(FixRecord) as caught:
        await site.revoke(await made(site))
    assert (caught.value.code, caught.value.said) == ("refused", "not today")


async def test_a_revocation_that_does_not_show_is_not_confirmed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted is not done."""
    monkeypatch.setattr(ExivoSimulator, "revoke_unlock_door_delegation", lambda self, request: None)
    assert not (await site.revoke(await made(site))).confirmed


async def test_a_visit_with_an_end_that_cannot_be_read_is_revoked_all_the_same(site: Site) -> None:
    """It is not taken for one that has passed."""
    wanted = await made(site)
    change(site, wanted.vendor_id, validTo="9999-99-99")
    assert (await site.revoke(wanted)).confirmed
    assert site.sim.world.visits[str(wanted.vendor_id)]["revoked"]


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_visit_of_the_hub_is_listed_with_all_that_counts(site: Site) -> None:
    """Doors, window and marker; the code is none of it, and neither are visits made by hand."""
    wanted = await made(site)
    by_hand = await made(site, "hand")
    change(site, by_hand.vendor_id, name="Plumber")
    (seen,) = (await site.observe()).values()
    assert seen == grants.Observed(
        vendor_id=str(wanted.vendor_id),
        marker=marker("b1"),
        opens=grants.Opens(locks=tuple(sorted(doors(site)))),
        valid_from=STARTS,
        valid_until=ENDS,
    )
    assert CODE not in repr(seen)


async def test_a_visit_that_opens_nothing_is_listed_as_such(site: Site) -> None:
    """Revoked and expired ones stay in the list for good."""
    first, second = await made(site), await made(site, "b2", valid_until=ENDS + timedelta(hours=1))
    revoke_by_hand(site, first.vendor_id)
    assert {key: seen.alive for key, seen in (await site.observe()).items()} == {
        first.vendor_id: False,
        second.vendor_id: True,
    }
    site.clock.set(ENDS + timedelta(hours=1))
    assert not any(seen.alive for seen in (await site.observe()).values())


async def test_people_and_visits_are_listed_together(site: Site) -> None:
    """One look shows all that opens a door."""
    person, wanted = await site.member(), await made(site)
    assert list(await site.observe()) == [person.person_id, wanted.vendor_id]


async def test_named_visits_are_looked_at_one_by_one(site: Site) -> None:
    """An id doesn't say whether it is a person's or a visit's."""
    person, wanted = await site.member(), await made(site)
    calls = site.calls()
    seen = await site.observe(str(wanted.vendor_id), str(person.person_id))
    assert list(seen) == [wanted.vendor_id, person.person_id]
    assert seen[str(wanted.vendor_id)].opens == grants.Opens(locks=tuple(sorted(doors(site))))
    assert set(calls.names) <= {"getPerson", "getVisit", "getMedium"}


async def test_a_named_id_that_is_neither_is_not_found(site: Site) -> None:
    """The hub asks about one at a time."""
    with pytest.raises(NotFound):
        await site.observe("gone")


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def create_raw(site: Site) -> None:
    """Create a visit with a code that nobody has said is a secret."""
    times = {"validFrom": "2026-11-21T10:00:00Z", "validTo": "2026-11-21T12:00:00Z"}
    await site.api.create_visit({"code": CODE, **times, "components": list(doors(site))})


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("getVisits", lambda site, wanted: site.observe()),
        ("getVisits", lambda site, wanted: site.api.glance(site.api.paths.visits)),
        ("getVisit", lambda site, wanted: site.grant(wanted)),
        ("delegateUnlockDoor", lambda site, wanted: create_raw(site)),
    ],
)
async def test_an_answer_about_visits_is_never_quoted(site: Site, operation: str, call: Any) -> None:
    """Half an answer holds codes and links; the excerpt that errors usually carry would show them."""
    wanted = await made(site)
    redact.forget_all()
    site.sim.faults.set(f"cut_body,operation={operation}")
    with pytest.raises((RetryLater, Unconfirmed)) as caught:
        await call(site, wanted)
    error: BaseException | None = caught.value
    while error is not None:
        assert CODE not in f"{error} {vars(error)}"
        assert "exivo.invalid" not in f"{error} {vars(error)}"
        error = error.__cause__


async def test_code_and_link_are_known_as_secrets_and_in_no_repr(site: Site) -> None:
    """Whoever prints what passed by shows neither."""
    done = await site.grant(visit(site))
    seen = await site.api.visit(str(done.vendor_id))
    assert redact.mask(f"{done.code} {done.url}") == f"{redact.MASK} {redact.MASK}"
    assert CODE not in repr((done, seen))
    assert str(done.url) not in repr((done, seen))


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_refused_credentials_stop_everything(site: Site) -> None:
    """Each visit would be refused."""
    site.sim.faults.set("unauthorized")
    with pytest.raises(FixSettings):
        await site.grant(visit(site))


@pytest.mark.parametrize("operation", ["getVisit", "getComponents"])
async def test_a_vendor_that_is_down_is_asked_later(site: Site, operation: str) -> None:
    """Nothing is concluded from silence."""
    wanted = await made(site)
    if operation == "getComponents":
        wanted = visit(site, opens=grants.Opens(locks=("gone",)))
    site.sim.faults.set(f"status=503,operation={operation}")
    with pytest.raises(RetryLater):
        await site.grant(wanted)


def test_the_settings_say_what_exivo_sends() -> None:
    """The link, never the code; and nothing unless a studio wants it."""
    settings = connection().settings
    assert settings.model_dump()["invite"] == "none"
    field = type(settings).model_fields["invite"]
    assert field.title == "exivo's own message"
    assert "never the code" in str(field.description)
