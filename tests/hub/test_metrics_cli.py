"""`studiohub metrics`: what staff see of rides, take out as a table, and put right."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from hub.classes.rides import METRICS
from hub.classes.table import COLUMNS
from hub.cli.opened import opened
from hub.notify.templates import KINDS
from hub.store import tables as t
from tests.hub.test_cli import Shop, shop

__all__ = ["shop"]

TRACKER = """
[[connections]]
name = "bikes"
plugin = "spivi"
site_id = "1234"
source_name = "owner@example.org"
password = { env = "TEST_SPIVI" }
box_ids = ["4471"]
policy = "observe"
"""

START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
FULL = {name: (metric.low + metric.high) / 2 for name, metric in METRICS.items()}


def change(home: Path, *queries: Any) -> list[Any]:
    """Work on the database of an installation; returns the rows of the last query."""

    async def done() -> list[Any]:
        async with opened() as hub, hub.database.write() as db:
            for query in queries:
                made = query(hub) if callable(query) else query
                found = await db.execute(made)
            return list(found.all()) if found.returns_rows else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIOHUB_HOME", str(home))
        return asyncio.run(done())


def rows(shop: Shop, table: Any) -> list[Any]:
    return change(shop.home, select(table).order_by(*table.primary_key.columns))


@pytest.fixture
def rode(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Two classes: the first with results of two members, the second still without any."""
    monkeypatch.setenv("TEST_SPIVI", "spivi-s3cr3t")
    shop.ready()
    (shop.folder / "tracker.toml").write_text(TRACKER)
    assert shop("import", str(shop.folder / "tracker.toml")).code == 0
    shop.join("1", "2")
    shop.desk.members[0] |= {"email": "anna@example.org", "language": "en"}
    shop.export()
    assert shop("sync", "desk").code == 0
    change(shop.home, *_rows())
    return shop


def _rows() -> Iterator[Any]:
    def ids(hub: Any) -> dict[str, Any]:
        return {"studio_id": hub.the_studio.id}

    desk = select(t.connection.c.id).where(t.connection.c.name == "desk").scalar_subquery()
    bikes = select(t.connection.c.id).where(t.connection.c.name == "bikes").scalar_subquery()
    for number, due in ((1, None), (2, START + timedelta(days=40))):
        begins = START + timedelta(days=number)
        event = {
            "id": f"e{number}", "target_id": bikes, "source_id": desk, "session_id": f"s{number}",
            "name": f"=Ride {number}", "starts_at": begins, "ends_at": begins + timedelta(minutes=45),
            "timezone": "Europe/Zurich", "box": "4471", "state": "active", "vendor_id": f"x{number}",
            "results_due_at": due, "created_at": START, "changed_at": START,
        }  # fmt: skip
        yield lambda hub, event=event: insert(t.event).values(**event, **ids(hub))
    for number, member, metrics, odd in (
        (1, "1", FULL, []),
        (2, "2", {"distance_km": 300.0, "power_avg_w": 180.0}, ["distance_km"]),
    ):
        result = {"id": number, "event_id": "e1", "source_id": desk, "member": member, "vendor_person_id": f"v{member}",
                  "starts_at": START + timedelta(days=1), "implausible": json.dumps(odd), "arrived_at": START,
                  "changed_at": START}  # fmt: skip
        yield lambda hub, result=result, metrics=metrics: insert(t.result).values(
            **result, **ids(hub), sealed_metrics=hub.vault.seal(json.dumps(metrics))
        )


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_session_member_and_every_canonical_name_null_where_not_measured(rode: Shop) -> None:
    """Without a member it is the last classes; the same of a member, or of a class by any of its names."""
    every = rode("metrics", "--json").json
    by_member = {row["member"]: row for row in every}
    assert by_member.keys() == {"desk:1", "desk:2"}
    for row in every:
        assert row["session"] == "desk:s1"
        assert set(METRICS) <= row.keys()
    assert {name: by_member["desk:1"][name] for name in METRICS} == FULL
    assert by_member["desk:2"]["hr_avg_bpm"] is None
    assert by_member["desk:2"]["implausible"] == ["distance_km"]
    assert rode("metrics", "desk:1", "--json").json == [by_member["desk:1"]]
    for name in ("desk:s1", "s1", "e1"):
        assert rode("metrics", "--class", name, "--json").json == every
    assert rode("metrics", "desk:1", "--class", "s2", "--json").json == []


def test_what_was_not_measured_is_a_dash_and_what_can_hardly_be_has_a_mark(rode: Shop) -> None:
    shown = rode("metrics").out
    header, first, second, *notes = shown.splitlines()
    assert header.split()[:5] == ["result", "class", "when", "member", "distance"]
    assert "300.0 km ?" in first + second
    assert "–" in second + first
    assert any("can hardly be" in note for note in notes)
    assert any("Ride 2" in note and "results are looked for at" in note for note in notes)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("metrics", "nobody"), "nobody is known as 'nobody'"),
        (("metrics", "--class", "x"), "there is no class 'x'"),
        (("metrics", "drop", "99"), "there is no result 99"),
        (("metrics", "restore", "1"), "is not dropped"),
        (("metrics", "reassign", "1", "desk:1"), "is desk:1's already"),
        (("metrics", "export", "x.txt"), "no ending that says how to write it"),
        (("metrics", "export", "no/folder/x.csv"), "can't be written"),
        (("metrics", "export", "x.csv", "--from", "yesterday"), "is no day"),
        (("mail", "preview", "account_created_teacher", "--member", "desk:1"), "can't be shown with a real member"),
        (("mail", "preview", "performance_summary", "--member", "desk:1", "--class", "s2"), "has no result of that"),
    ],
)
def test_what_can_not_be_done_is_told(rode: Shop, words: tuple[str, ...], said: str) -> None:
    typed = rode(*words)
    assert typed.code == 2
    assert said in typed.err


def test_trends_are_told_in_words_and_as_numbers(rode: Shop) -> None:
    made = rode("metrics", "trends", "desk:1", "--json").json
    assert made["member"] == "desk:1"
    assert made["rides"] == 1
    assert made["totals"]["distance_km"] == FULL["distance_km"]
    assert made["bests"]["power_max_w"]["session"] == "desk:s1"
    assert made["weeks_4"]["now"]["rides"] == 1
    assert made["weeks_4"]["more"]["distance_km"] is None
    text = rode("metrics", "trends", "desk:1").out
    assert "1 ride" in text
    # In all, at best, and in either of the last weeks: there is nothing before them to compare with.
    (line,) = (line for line in text.splitlines() if "distance_km" in line)
    assert line.count("30.0 km") == 4
    assert "%)" not in line
    # Of the other, the distance can hardly be.
    assert "distance_km" not in rode("metrics", "trends", "desk:2").out


def test_trends_set_the_last_weeks_against_those_before(rode: Shop) -> None:
    event = {"starts_at": START - timedelta(days=35), "ends_at": START - timedelta(days=35, hours=-1)}
    change(rode.home, update(t.event).where(t.event.c.id == "e2").values(**event))
    half = {"distance_km": FULL["distance_km"] / 2}
    ride: dict[str, Any] = {
        "id": 3,
        "event_id": "e2",
        "member": "1",
        "vendor_person_id": "v1",
        "starts_at": event["starts_at"],
    }
    ride |= {"implausible": "[]", "arrived_at": START, "changed_at": START}
    desk = select(t.connection.c.id).where(t.connection.c.name == "desk").scalar_subquery()
    change(
        rode.home,
        lambda hub: insert(t.result).values(
            **ride, source_id=desk, studio_id=hub.the_studio.id, sealed_metrics=hub.vault.seal(json.dumps(half))
        ),
    )
    text = rode("metrics", "trends", "desk:1").out
    assert "30.0 km (+100%)" in " ".join(text.split())


# ── taking out ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_exported_table_has_units_in_its_names_and_runs_nothing_in_a_spreadsheet(rode: Shop) -> None:
    """Empty where not measured; for its owner only; and the audit says that it was made."""
    file = rode.folder / "rides.csv"
    assert rode("metrics", "export", str(file)).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert tuple(table[0]) == COLUMNS
    assert {row["member"]: row["hr_avg_bpm"] for row in table} == {"desk:1": str(FULL["hr_avg_bpm"]), "desk:2": ""}
    assert {row["class"] for row in table} == {"'=Ride 1"}
    assert table[1]["implausible"] == "distance_km"
    assert rode("audit", "--json").json[0]["act"] == "metrics export"
    assert [path.name for path in rode.folder.iterdir() if path.name.startswith(".rides")] == []


def test_an_export_can_be_narrowed(rode: Shop) -> None:
    """To a member, and to days of the studio's own calendar, the last one included."""
    file, day = str(rode.folder / "x.csv"), (START + timedelta(days=1)).astimezone().date()
    for words, count in (
        (("--member", "desk:1"), 1),
        (("--from", str(day - timedelta(days=1)), "--until", str(day + timedelta(days=1))), 2),
        (("--from", str(day + timedelta(days=2))), 0),
        (("--until", str(day - timedelta(days=2))), 0),
    ):
        assert f"{count} result" in rode("metrics", "export", file, *words).out, words


def test_parquet_and_arrow_keep_types_and_null(rode: Shop) -> None:
    arrow = pytest.importorskip("pyarrow", reason="an optional extra")
    import pyarrow.parquet

    for name in ("rides.parquet", "rides.arrow"):
        typed = rode("metrics", "export", str(rode.folder / name))
        assert typed.code == 0, typed.err
    tables = (
        pyarrow.parquet.read_table(rode.folder / "rides.parquet"),
        arrow.ipc.open_file(rode.folder / "rides.arrow").read_all(),
    )
    for table in tables:
        assert table.column_names == list(COLUMNS)
        assert table["hr_avg_bpm"].to_pylist() == [FULL["hr_avg_bpm"], None]
        assert table["implausible"].to_pylist() == [[], ["distance_km"]]
        assert table["starts_at"].to_pylist()[0] == START + timedelta(days=1)
        assert table.schema.field("distance_km").metadata == {b"unit": b"km"}


def test_without_pyarrow_it_is_said_what_to_install(rode: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    typed = rode("metrics", "export", str(rode.folder / "x.parquet"))
    assert typed.code == 2
    assert 'pip install "studiohub[arrow]"' in typed.err
    assert not (rode.folder / "x.parquet").exists()


# ── putting right ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_result_is_given_to_who_rode_and_it_is_kept_who_did_that(rode: Shop) -> None:
    """After a swap each is told of the other's; the audit names nobody, for it stays for ever."""
    first = rode("metrics", "reassign", "1", "desk:2", "--why", "swapped bikes")
    assert first.code == 0
    assert "desk:2 has result 2 of that class as well" in first.out
    assert "as well" not in rode("metrics", "reassign", "2", "desk:1").out
    assert {row["id"]: row["member"] for row in rode("metrics", "--json").json} == {1: "desk:2", 2: "desk:1"}
    change_, _ = rows(rode, t.result_change)
    assert (change_.what, change_.before, change_.after, change_.why) == (
        *("reassigned", "desk:1", "desk:2", "swapped bikes"),
    )
    assert change_.who
    assert all(row.by_hand for row in rows(rode, t.result))
    lines = [row for row in rode("audit", "--json").json if row["act"] == "metrics reassign"]
    assert len(lines) == 2
    assert "desk:" not in str(lines)


def test_a_result_that_was_dropped_counts_nowhere_until_it_is_restored(rode: Shop) -> None:
    assert rode("metrics", "drop", "1").code == 0
    assert [row["id"] for row in rode("metrics", "--json").json] == [2]
    assert [row["id"] for row in rode("metrics", "--dropped", "--json").json] == [1]
    assert rode("metrics", "trends", "desk:1", "--json").json["rides"] == 0
    assert rode("metrics", "drop", "1").code == 2
    assert rode("metrics", "restore", "1").code == 0
    assert sorted(row["id"] for row in rode("metrics", "--json").json) == [1, 2]
    assert [row.what for row in rows(rode, t.result_change)] == ["dropped", "restored"]


def test_results_of_a_class_can_be_asked_for_again_once_it_is_over(rode: Shop) -> None:
    assert "bikes" in rode("metrics", "fetch", "s1").out
    assert rows(rode, t.event)[0].results_due_at is not None
    change(rode.home, update(t.event).values(ends_at=datetime.now(UTC) + timedelta(hours=1)))
    assert "not over yet" in rode("metrics", "fetch", "s1").err
    change(rode.home, update(t.event).values(ends_at=START, vendor_id=None))
    assert "does not have this class" in rode("metrics", "fetch", "s1").err


# ── previews ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_can_be_shown_as_a_member_would_get_it(rode: Shop) -> None:
    """In their language unless another is asked for; with their numbers, and no sample of anybody else's."""
    shown = rode("mail", "preview", "performance_summary", "--member", "desk:1").out
    assert shown.startswith("Subject: Your results: =Ride 1")
    assert "Average heart rate: 132 bpm" in shown
    samples = KINDS["performance_summary"].samples("en")
    assert not any(samples[name] in shown for name in samples.keys() - {"member_name", "given_name", "studio", "words"})
    german = rode("mail", "preview", "performance_summary", "--member", "desk:2", "--class", "s1").out
    assert "300,0 km (kann kaum stimmen)" in german
    assert "Höchster Puls: nicht gemessen" in german
    html = rode("mail", "preview", "performance_summary", "--member", "desk:1", "--language", "de", "--html").out
    assert "132 bpm" in html
    assert 'lang="de"' in html
    account = rode("mail", "preview", "account_created_member", "--member", "desk:1").out
    assert "Your Spivi account at Studio Nordlicht" in account
    assert "anna@example.org" in account


# ── one's own data ────────────────────────────────────────────────────────────────────────────────────────────────────


def _more_of_anna() -> Iterator[Any]:
    desk = select(t.connection.c.id).where(t.connection.c.name == "desk").scalar_subquery()
    yield lambda hub: insert(t.own_word).values(
        source_id=desk,
        member="1",
        show_live=False,
        sealed_profile=hub.vault.seal('{"weight_kg": 61.5}'),
        changed_at=START,
    )
    seat = {"event_id": "e2", "member": "1", "name": "Anna Graf 1", "spot": "7", "wanted": "7", "applied": "7",
            "state": "active", "created_at": START, "changed_at": START}  # fmt: skip
    yield insert(t.seat).values(**seat)


def _without_anna(rode: Shop) -> None:
    """She left the studio."""
    for name in ("members", "member_passes", "badges"):
        setattr(rode.desk, name, getattr(rode.desk, name)[1:])
    rode.export()
    assert rode("sync", "desk").code == 0


def test_everything_about_a_members_rides_is_theirs_to_have_and_to_be_forgotten(rode: Shop) -> None:
    """Open in their own document; erased, nothing of it is left, also where they stand in somebody else's history."""
    change(rode.home, *_more_of_anna())
    rode("metrics", "drop", "1")
    rode("metrics", "reassign", "2", "desk:1")
    rode("metrics", "reassign", "2", "desk:2")
    data = rode("export", "--member", "desk:1").json
    assert data["results"][0]["metrics"] == FULL
    assert data["results"][0]["history"][0]["what"] == "dropped"
    assert data["own_word"]["profile"] == {"weight_kg": 61.5}
    assert data["own_word"]["show_live"] is False
    assert data["seats"][0]["spot"] == "7"
    shop_before = rode("export", "--member", "desk:2").json
    _without_anna(rode)
    assert rode("erase", "desk:1").code == 0
    assert [row.member for row in rows(rode, t.result)] == ["2"]
    assert rows(rode, t.own_word) == []
    assert rows(rode, t.seat) == []
    assert "desk:1" not in str(rows(rode, t.result_change))
    assert {row.before for row in rows(rode, t.result_change)} == {"desk:2", "somebody erased"}
    assert rode("export", "--member", "desk:2").json["results"] == shop_before["results"]


def test_nobody_is_erased_who_still_has_a_seat_at_the_tracker(rode: Shop) -> None:
    change(rode.home, *_more_of_anna())
    _without_anna(rode)
    change(rode.home, update(t.event).values(ends_at=datetime.now(UTC) + timedelta(hours=1)))
    typed = rode("erase", "desk:1")
    assert typed.code == 2
    assert "still has a seat in =Ride 2" in typed.err
    assert len(rows(rode, t.result)) == 2


def test_the_pages_name_every_metric_command_and_variable() -> None:
    """With the range that is checked."""
    docs = Path(__file__).parents[2] / "docs"
    page, mail = (docs / "metrics.md").read_text(encoding="utf-8"), (docs / "mail.md").read_text(encoding="utf-8")
    for name, metric in METRICS.items():
        assert f"`{name}`" in page
        assert f"{metric.low:.0f}–{metric.high:.0f}" in page, name
    for name in ("trends", "export", "reassign", "drop", "restore", "fetch"):
        assert f"studiohub metrics {name}" in page
    for variable in KINDS["performance_summary"].variables:
        assert f"`{variable.name}`" in mail, variable.name
