"""What the inbox tells of what is no failure and yet not as somebody wants it, until it is solved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.engine.approving import apply_stored
from hub.engine.sync import plan_now
from hub.studio.editing import edit_rows, rows_of
from hub.studio.importing import import_file
from hub.studio.model import PassRow
from tests.conftest import BOTH
from tests.harness import World


async def told(world: World, code: str) -> list[dict[str, Any]]:
    return [item for item in await world.inbox() if item["code"] == code]


# ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_a_file_that_is_missing_from_a_complete_export_is_told(world: World) -> None:
    """Nobody loses access by it, and it does not look as if all were well."""
    world.join("1")
    assert (await world.sync()).exit_code == 0
    world.desk.export(at=world.clock.now())
    (world.folder / "export" / "member_passes.csv").unlink()
    result = await world.sync(export=False)
    assert result.exit_code == 4
    report = result.sources[0].report
    assert report is not None
    assert "member_pass" not in report.complete
    assert "is missing from the export" in report.why_not["member_pass"]
    assert world.opens("1")
    [item] = await told(world, "record_set_aside")
    assert "member_pass" in item["text"]
    assert "empty where nothing of it is left" in item["fix"]
    assert (await world.sync(export=False)).exit_code == 4
    assert (await world.sync()).exit_code == 0
    assert await told(world, "record_set_aside") == []


async def test_without_a_mark_it_stands_in_the_inbox_until_there_is_one(world: World) -> None:
    """It is allowed, so a sync ends well; but whose row is gone keeps their access."""
    world.join("1")
    (world.folder / "export").mkdir(exist_ok=True)
    assert (await world.sync(complete=False)).exit_code == 0
    [item] = await told(world, "not_complete")
    assert "desk has no complete mark, so nobody loses access because a row is missing" in item["text"]
    assert "there is no file 'complete'" in item["text"]
    assert "studiohub verify desk" in item["fix"]
    assert (await world.explain("1")).lines[-1].code == "not_complete"
    world.desk.export(at=world.clock.now())
    (world.folder / "export" / "complete").write_text("gestern")
    assert (await world.sync(export=False)).exit_code == 0
    [item] = await told(world, "not_complete")
    assert "'gestern'" in item["text"]
    assert await told(world, "source_note") == []
    await world.sync()
    assert [line.code for line in (await world.explain("1")).lines] == ["ok"]
    assert await told(world, "not_complete") == []


# ── passes that open nothing ──────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_a_pass_that_no_row_names_is_told_once_for_all_who_have_it(world: World) -> None:
    """Only passes that somebody has now; a row for it solves it."""
    for member in ("1", "2", "3"):
        world.join(member, pass_id="abo-99")
    world.join("4", pass_id="abo-98", valid_until="2026-10-01")
    world.join("5", pass_id="abo-97", state="frozen")
    world.join("6")
    assert (await world.sync()).exit_code == 0
    [item] = await told(world, "pass_unmapped")
    assert item["text"] == (
        "3 members of desk have the pass 'abo-99', which no mapping row names: they get no access by it."
    )
    assert item["fix"] == "Add 'abo-99' to a row under Mapping → Passes (in the studio file: [[passes]])."
    world.drop_pass("2", "3")
    await world.sync()
    [item] = await told(world, "pass_unmapped")
    assert item["text"].startswith("1 member of desk has the pass")
    world.drop_pass("1")
    await world.sync()
    assert await told(world, "pass_unmapped") == []


@pytest.mark.parametrize("by", ["edit", "import"])
async def test_a_row_that_is_saved_takes_its_pass_out_of_the_inbox_at_once(world: World, by: str) -> None:
    """And one that is deleted puts it back: nobody waits for the next sync to see that they were understood."""
    world.join("3", pass_id="abo-99")
    await world.sync()
    assert len(await told(world, "pass_unmapped")) == 1
    rows = await rows_of(world.hub, "passes")
    values = {"source": "desk", "pass": ["abo-99"], "target": "door", "group": "AG-1"}
    if by == "edit":
        await edit_rows(world.hub, "passes", [*rows, PassRow.model_validate(values)], "test")
    else:
        file = world.folder / "studio.toml"
        row = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
        file.write_text(f"{file.read_text()}\n[[passes]]\n{row}\n")
        await import_file(world.hub, file, who="test")
    assert await told(world, "pass_unmapped") == []
    await edit_rows(world.hub, "passes", rows, "test")
    assert len(await told(world, "pass_unmapped")) == 1


async def test_a_plan_that_finds_nobody_blocked_any_more_says_so_in_the_inbox(world: World) -> None:
    """Where it leaves nothing to apply, nothing else would before the next sync; and what somebody leaves out of it is
    no longer told as what it was."""
    for member in ("1", "2", "3"):
        world.join(member, badge=None)
    await world.sync()
    [item] = await told(world, "no_badge")
    assert item["text"].startswith("3 members")
    world.drop_pass("1")
    world.desk.badges.append({"member_id": "2", "number": "AB12"})
    world.desk.badges.append({"member_id": "3", "number": "AB13"})
    plan = await world.plan()
    assert await told(world, "no_badge") == []
    [chosen] = [change.identity for change in plan.to_do if change.member == "2"]
    await apply_stored(world.hub, plan.id, who="test", lines=[chosen])
    assert [grant.member for grant in await world.grants()] == ["desk:2"]
    assert await told(world, "no_badge") == []


# ── only looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("policy", ["observe", "sync"])
async def test_who_is_blocked_is_told_under_every_policy(world: World, policy: str) -> None:
    """A studio that only looks first wants to know that most of all; who is helped is told no more."""
    await world.reimport(policy=policy)
    world.join("1")
    world.join("2", badge=None)
    world.join("3", badge=None)
    await world.sync()
    [item] = await told(world, "no_badge")
    assert item["text"].startswith("2 members with a valid pass but without a badge")
    world.desk.badges.append({"member_id": "2", "number": "AB12"})
    await world.sync()
    [item] = await told(world, "no_badge")
    assert item["text"].startswith("1 member with")
    world.desk.badges.append({"member_id": "3", "number": "AB13"})
    await world.sync()
    assert await told(world, "no_badge") == []
    assert (world.ours() == []) == (policy == "observe")
    _, [plan], _ = await plan_now(world.hub)
    assert len(plan.to_do) == (3 if policy == "observe" else 0)


async def test_after_a_repair_a_grant_says_why_it_is_there_and_no_more_what_was_wrong(world: World) -> None:
    """What was put right is over; the log keeps it."""
    world.join("1")
    await world.sync()
    [before] = await world.grants()
    person = next(person for person in world.exivo.persons.values() if "[hub:" in (person.get("info") or ""))
    person["accessGroupId"] = None
    result = await world.sync()
    assert result.targets[0].applied
    [after] = await world.grants()
    assert (after.status, after.reason) == ("created", before.reason)


async def test_members_who_share_an_address_are_named_and_nobody_loses_anything(world: World) -> None:
    """One line for the source, whatever case the addresses are written in; gone when it is put right."""
    for number in range(4):
        world.join(str(number))
    addresses = ("Graf@example.org", "graf@example.org ", "other@example.org", None)
    for row, address in zip(world.desk.members, addresses, strict=True):
        row["email"] = address
    await world.sync()
    [item] = await told(world, "email_twice")
    assert (
        item["text"] == "1 e-mail address of desk belongs to more than one member: graf@example.org (desk:0, desk:1)."
    )
    assert all(world.opens(str(number)) for number in range(4))
    await world.sync()
    assert len(await told(world, "email_twice")) == 1
    world.desk.members[1]["email"] = "berta@example.org"
    await world.sync()
    assert await told(world, "email_twice") == []


async def test_what_to_do_stands_once(world: World) -> None:
    """Beside the text, and not in it."""
    world.join("1")
    world.exivo.faults.set("status=401")
    await world.sync()
    [item] = await told(world, "target_failed")
    assert item["fix"]
    assert item["fix"].rstrip(".") not in item["text"]
    assert item["text"].endswith(".")
