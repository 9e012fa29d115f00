"""One mistake for each test of the conformance kit, made in a plugin that is good: a file, what stands there, and what
the mistake makes of it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """A mistake. `kind` is that of the plugin it is made in; each change is a file, what stands there, and what then
    stands there."""

    test: str
    kind: str
    changes: tuple[tuple[str, str, str], ...]


def _mutant(test: str, kind: str, *changes: str) -> Mutant:
    return Mutant(test, kind, tuple(zip(changes[::3], changes[1::3], changes[2::3], strict=True)))


DOORS = '        found = wire.read(await self.http.get("/v1/doors"), wire.Doors).doors\n'


def _asked(*lines: str) -> str:
    """Another way to read the doors, the answer to which is tried first."""
    start = ("        import asyncio", "        import hub", "        answer = None", "        try:")
    ask = '            answer = await self.http.get("/v1/doors")'
    return "\n".join((*start, ask, "            found = wire.read(answer, wire.Doors).doors", *lines)) + "\n"


def _doors(test: str, *lines: str) -> Mutant:
    return _mutant(test, "lock", "client.py", DOORS, _asked(*lines))


MAKE = "        return await api.create(wanted)\n"
MAKE_RIDER = "        made = await api.create_rider(wanted)\n"
MAKE_CLASS = "        return await api.create_class(session)\n"

EVERYONE = [
    _mutant(
        "test_exemptions_have_reasons",
        "lock",
        "quality.toml",
        "[kit] #",
        '[kit]\ntest_verify_changes_nothing = "no" #',
    ),
    _mutant("test_the_card_says_what_it_is", "lock", "__init__.py", "settle=10.0,", "settle=10.0, slice_size=0,"),
    _mutant(
        "test_hooks_and_abilities_agree", "lock", "__init__.py", "Ability.OBSERVE}", "Ability.OBSERVE, Ability.CHANGES}"
    ),
    _mutant("test_settings_say_what_to_fill_in", "lock", "settings.py", ', title="API token"', ""),
    _mutant("test_the_vendor_can_be_rehearsed", "lock", "__init__.py", "        simulator=", "        # simulator="),
    _mutant(
        "test_the_simulator_repeats_itself",
        "lock",
        "simulator.py",
        "        self.windows: dict[str, Row] = {}\n",
        "        self.windows: dict[str, Row] = {}\n        self.made = {'by': __import__('uuid').uuid4().hex}\n",
    ),
    _mutant(
        "test_verify_is_content_with_good_settings",
        "lock",
        "checks.py",
        'accepted", state=CheckState.OK)',
        'accepted", state=CheckState.FAILED)',
    ),
    _mutant(
        "test_verify_says_that_credentials_are_wrong",
        "lock",
        "checks.py",
        'accepted", state=CheckState.FAILED',
        'accepted", state=CheckState.WARNING',
    ),
    _mutant(
        "test_verify_outlives_an_outage",
        "lock",
        "checks.py",
        '        fix = "Check base_url and',
        '        raise\n        fix = "Check base_url and',
    ),
    _mutant(
        "test_verify_changes_nothing",
        "lock",
        "client.py",
        '        return f"{len(await self.doors())} doors"',
        '        empty = {"doors": [], "note": "", "code": "0", "starts_at": None, "ends_at": None}\n'
        '        await self.http.call("POST", "/v1/windows", json=empty)\n        return "doors"',
    ),
    _mutant(
        "test_secrets_are_told_to_nobody",
        "lock",
        "checks.py",
        'accepted", state=CheckState.OK)',
        'accepted", state=CheckState.OK, said=str(dict(api.http._http.headers)))',
    ),
]

NETWORK = [
    _doors(
        "test_an_outage_is_told_as_one",
        "        except hub.RetryLater as error:",
        '            if error.code == "vendor_down":',
        '                raise hub.FixSettings("no way out") from error',
        "            raise",
    ),
    _doors(
        "test_a_page_of_html_is_no_answer",
        "        except hub.RetryLater:",
        '            if answer is None or "html" not in answer.headers.get("content-type", ""):',
        "                raise",
        "            return []",
    ),
    _doors(
        "test_half_an_answer_is_none",
        "        except hub.RetryLater as error:",
        '            if error.code != "vendor_garbage" or "html" in answer.headers.get("content-type", ""):',
        "                raise",
        "            return []",
    ),
    _doors(
        "test_refused_credentials_need_a_person",
        "        except hub.FixSettings as error:",
        '            raise hub.RetryLater("later") from error',
    ),
    _doors(
        "test_a_pause_that_the_vendor_asks_for_is_kept",
        "        except hub.RetryLater as error:",
        "            error.after = None",
        "            raise",
    ),
    _mutant(
        "test_words_never_seen_before_do_no_harm",
        "lock",
        "wire.py",
        "class Door(msgspec.Struct):",
        "class Door(msgspec.Struct, forbid_unknown_fields=True):",
    ),
    _doors("test_a_cancelled_call_ends", "        except asyncio.CancelledError:", "            return []"),
    _mutant(
        "test_the_simulator_serves_what_the_contract_says",
        "lock",
        "simulator.py",
        '@operation("listDoors", "GET /v1/doors")',
        '@operation("allDoors", "GET /v1/doors")',
    ),
]

LOCK = [
    _mutant("test_openings_can_be_named", "lock", "client.py", "for door in found]", "for door in found + found]"),
    _mutant(
        "test_granting_twice_is_granting_once",
        "lock",
        "windows.py",
        "    standing = await _standing(api, wanted)\n    if standing is None:\n        standing",
        "    standing = await _standing(api, wanted) if wanted.look_first else None\n"
        "    if standing is None:\n        standing",
    ),
    _mutant(
        "test_what_is_granted_is_confirmed",
        "lock",
        "windows.py",
        "code=standing.code)",
        "code=standing.code, confirmed=False)",
    ),
    _mutant(
        "test_revoking_twice_is_success",
        "lock",
        "windows.py",
        "        return grants.Revoked()\n",
        '        raise NotFound("it is gone")\n',
    ),
    _mutant("test_what_stands_is_observed", "lock", "windows.py", "marker=window.marker,", "marker=None,"),
    _mutant(
        "test_looking_at_one_that_is_gone_says_so",
        "lock",
        "__init__.py",
        "            yield [windows.observed(await api.window(key))]",
        "            every = [one async for page in api.windows() for one in page]\n"
        "            yield [windows.observed(one) for one in [one for one in every if one.id == key] or every]",
    ),
    _mutant("test_a_broken_off_look_is_never_whole", "lock", "client.py", "if came != page.total:", "if False:"),
    _mutant(
        "test_a_lost_answer_makes_no_double",
        "lock",
        "windows.py",
        MAKE,
        "        import msgspec\n\n        import hub\n\n        try:\n            return await api.create(wanted)\n"
        "        except hub.Unconfirmed:\n"
        "            return await api.create(msgspec.structs.replace(wanted, code=draw_code()))\n",
    ),
    _mutant(
        "test_a_request_that_never_arrived_is_made_up_for",
        "lock",
        "windows.py",
        "    if standing is None:\n        standing",
        '    if standing is None and wanted.look_first:\n        return grants.Granted(vendor_id="somewhere")\n'
        "    if standing is None:\n        standing",
    ),
    _mutant(
        "test_a_cancelled_grant_is_found_again",
        "lock",
        "windows.py",
        MAKE,
        "        import asyncio\n\n        import msgspec\n\n"
        "        try:\n            return await api.create(wanted)\n"
        "        except asyncio.CancelledError:\n"
        "            asyncio.ensure_future(api.create(msgspec.structs.replace(wanted, code=draw_code())))\n"
        "            raise\n",
    ),
    _mutant(
        "test_nothing_is_made_while_it_is_too_early_to_tell",
        "lock",
        "windows.py",
        "    if left > timedelta(0):",
        "    if left > timedelta(days=9):",
    ),
    _mutant(
        "test_a_revoke_that_never_arrived_is_not_claimed",
        "lock",
        "windows.py",
        "    await api.close(standing.id)\n",
        "    try:\n        await api.close(standing.id)\n    except RetryLater:\n        return grants.Revoked()\n",
    ),
    _mutant(
        "test_what_others_made_is_left_alone",
        "lock",
        "windows.py",
        "found.marker != wanted.marker",
        "found.marker is None",
    ),
    _mutant("test_door_codes_are_told_to_nobody", "lock", "windows.py", "    redact.know(wanted.code)\n", ""),
    _mutant(
        "test_codes_are_drawn_at_random",
        "lock",
        "windows.py",
        "{secrets.randbelow(10**DIGITS):0{DIGITS}}",
        "{next(COUNTED):0{DIGITS}}",
        "windows.py",
        "DIGITS = 6\n",
        'DIGITS = 6\nCOUNTED = iter(__import__("itertools").count(1000))\n',
    ),
]

TRACKER = [
    _mutant(
        "test_a_person_is_made_once",
        "tracker",
        "accounts.py",
        "        await api.change_rider(seen.id, wanted)\n",
        "        await api.change_rider(seen.id, wanted)\n    elif wanted.vendor_id is not None:\n"
        "        return await _create(api, wanted)\n",
    ),
    _mutant(
        "test_a_changed_name_is_brought_up_to_date",
        "tracker",
        "accounts.py",
        "    if now != wire.account_payload(wanted):",
        "    if now == {}:",
    ),
    _mutant(
        "test_every_person_has_an_outcome",
        "tracker",
        "accounts.py",
        "        except VendorError as error:\n",
        "        except VendorError as error:\n            raise\n",
    ),
    _mutant(
        "test_a_person_whose_answer_was_lost_is_found_again",
        "tracker",
        "accounts.py",
        MAKE_RIDER,
        "        import hub\n\n        try:\n            made = await api.create_rider(wanted)\n"
        "        except hub.Unconfirmed:\n            made = await api.create_rider(wanted)\n",
    ),
    _mutant(
        "test_nobody_is_made_while_it_is_too_early_to_tell",
        "tracker",
        "accounts.py",
        "    if left > timedelta(0):",
        "    if left > timedelta(days=9):",
        "__init__.py",
        '"family_name", "email"',
        '"family_name"',
    ),
    _mutant(
        "test_people_of_others_are_left_alone",
        "tracker",
        "accounts.py",
        "    if seen is None:\n        return await _create(api, wanted)\n",
        '    theirs = wanted.marker.replace("kit00001", "kit00002").replace(":1]", ":2]")\n'
        "    for other in await api.riders_with(theirs):\n        await api.change_rider(other.id, wanted)\n"
        "    if seen is None:\n        return await _create(api, wanted)\n",
    ),
    _mutant(
        "test_a_class_is_made_once",
        "tracker",
        "__init__.py",
        '    """A class with the hub\'s marker, made unless it is there."""\n',
        "    import msgspec\n\n    session = msgspec.structs.replace(session, vendor_id=None)\n",
    ),
    _mutant(
        "test_a_moved_class_is_moved",
        "tracker",
        "classes.py",
        "elif not _matches(seen, session):",
        "elif seen.id == '':",
    ),
    _mutant(
        "test_cancelling_twice_is_success",
        "tracker",
        "classes.py",
        "        return grants.SessionOutcome(vendor_id=session.vendor_id, seats={})\n",
        '        raise NotFound("it is gone")\n',
    ),
    _mutant(
        "test_a_cancelled_class_comes_back",
        "tracker",
        "__init__.py",
        '    """A new class in the place of the cancelled one."""\n',
        "    return grants.SessionOutcome(vendor_id=session.vendor_id)\n",
    ),
    _mutant(
        "test_a_class_whose_answer_was_lost_is_found_again",
        "tracker",
        "classes.py",
        MAKE_CLASS,
        "        import hub\n\n        try:\n            return await api.create_class(session)\n"
        "        except hub.Unconfirmed:\n            return await api.create_class(session)\n",
    ),
    _mutant(
        "test_no_class_is_made_while_it_is_too_early_to_tell",
        "tracker",
        "classes.py",
        "    if left > timedelta(0):",
        "    if left > timedelta(days=9):",
    ),
    _mutant(
        "test_classes_of_others_are_left_alone",
        "tracker",
        "classes.py",
        "    if seen.reference != session.marker:",
        "    if not seen.reference:",
    ),
    _mutant(
        "test_a_seat_taken_twice_is_taken_once",
        "tracker",
        "seats.py",
        "    if seen.seats.get(rider) == wanted.seat:",
        "    if seen.seats.get(rider) is wanted:",
    ),
    _mutant(
        "test_a_rider_moves_from_seat_to_seat",
        "tracker",
        "__init__.py",
        '    """The rider off the old seat, and on the new one."""\n',
        "    return grants.SeatOutcome()\n",
    ),
    _mutant(
        "test_a_seat_that_somebody_has_is_a_conflict",
        "tracker",
        "seats.py",
        "    if holder is not None:",
        "    if holder is wanted:",
    ),
    _mutant(
        "test_freeing_twice_is_success",
        "tracker",
        "seats.py",
        "        if wanted.rider.vendor_id in seen.seats:\n            await",
        "        if seen.seats is not None:\n            await",
        "seats.py",
        "    except NotFound:\n        return grants.SeatOutcome()\n",
        "    except NotFound:\n        raise\n",
    ),
    _mutant(
        "test_a_seat_of_a_class_that_is_gone_is_not_found",
        "tracker",
        "seats.py",
        'raise NotFound(f"{wanted.session.name} was cancelled")',
        'raise FixRecord(f"{wanted.session.name} was cancelled")',
    ),
    _mutant(
        "test_seats_have_ids_of_their_own", "tracker", "client.py", "for seat in found]", "for seat in found + found]"
    ),
    _mutant(
        "test_there_are_no_results_before_the_end",
        "tracker",
        "classes.py",
        "    if session.vendor_id is None:\n        return []\n    return [",
        "    if not await api.results(str(session.vendor_id)):\n"
        '        raise NotFound("there are no results")\n    return [',
    ),
    _mutant(
        "test_results_are_the_riders_own",
        "tracker",
        "classes.py",
        "vendor_person_id=ride.rider",
        "vendor_person_id=str(ride.seat)",
    ),
]

MARK = "    yield Complete(complete, api.connection.clock.now(), unnamed)\n"

SOURCE = [
    _mutant("test_a_whole_read_ends_with_one_mark", "source", "reading.py", MARK, MARK + MARK),
    _mutant(
        "test_records_are_canonical",
        "source",
        "wire.py",
        "    return datetime.fromisoformat(text).astimezone(UTC)",
        '    return datetime.fromisoformat(text).astimezone(ZoneInfo("Europe/Zurich"))',
    ),
    _mutant(
        "test_what_records_name_is_there",
        "source",
        "wire.py",
        '        member_id=_id(row, "customer"),\n        resource_id',
        '        member_id="of-" + _id(row, "customer"),\n        resource_id',
    ),
    _mutant(
        "test_reading_twice_says_the_same",
        "source",
        "wire.py",
        '    return Resource(id=_id(row, "id"), name=row["name"])',
        '    return Resource(id=_id(row, "id"), name=row["name"] + __import__("uuid").uuid4().hex)',
    ),
    _mutant("test_a_broken_off_read_is_never_complete", "source", "client.py", "if came != page.total:", "if False:"),
    _mutant(
        "test_a_read_changes_nothing",
        "source",
        "client.py",
        "        path, number, came = wire.LISTS[kind], 1, 0\n",
        "        path, number, came = wire.LISTS[kind], 1, 0\n"
        '        await self.http.call("POST", "/v1/webhooks", json={"name": "reading", "url": ""})\n',
    ),
    _mutant(
        "test_asking_for_some_kinds_gives_those",
        "source",
        "reading.py",
        "else frozenset(kinds) - unnamed.keys()",
        "else frozenset(wire.LISTS) - unnamed.keys()",
    ),
    _mutant(
        "test_asking_for_one_member_gives_theirs",
        "source",
        "reading.py",
        "    return one.owner in (window.members or ()) or",
        "    return",
    ),
    _mutant(
        "test_a_word_never_seen_before_opens_nothing",
        "source",
        "wire.py",
        "BookingState.REQUESTED)",
        "BookingState.CONFIRMED)",
    ),
    _mutant(
        "test_a_webhook_of_the_vendor_is_a_hint",
        "source",
        "webhooks.py",
        "    return [Hint(kind=kind, ids=",
        "    return [Hint(kind=f'{kind}s', ids=",
    ),
    _mutant(
        "test_a_webhook_of_a_stranger_is_refused",
        "source",
        "webhooks.py",
        "    if not hmac.compare_digest(",
        "    if request.body == b'' and not hmac.compare_digest(",
    ),
    _mutant("test_subscribing_again_changes_nothing", "source", "webhooks.py", "    if not good:", "    if address:"),
]

MUTANTS = [*EVERYONE, *NETWORK, *LOCK, *TRACKER, *SOURCE]
