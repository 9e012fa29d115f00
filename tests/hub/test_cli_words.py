"""What a new user runs into: every refusal says what to do next, and nothing that is wrong reads as if it were well."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub import http
from hub.cli import output, setup
from hub.cli.app import run
from hub.testing.faults import Faults
from plugins.exivo.simulator import ExivoSimulator
from tests.hub.test_cli import NAMES, Shop, shop
from tests.tui.terminal import on_terminal

__all__ = ["shop"]


def studio_file(shop: Shop) -> Path:
    return shop.folder / "studio.toml"


# ── studio files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_a_whole_studio_file_leaves_out_stays_and_is_told(shop: Shop) -> None:
    """Leaving a line out must not take access away, and must not go unnoticed either."""
    shop.ready()
    text = studio_file(shop).read_text()
    only_desk = text[: text.index('[[connections]]\nname = "door"')]
    studio_file(shop).write_text(only_desk)
    typed = shop("import", str(studio_file(shop)))
    assert typed.code == 0
    assert "door is connected but not in the file; `studiohub disconnect door --leave` (or --revoke)" in typed.out
    assert "door is connected" in shop("import", str(studio_file(shop)), "--json").json["notes"][0]
    assert 'name = "door"' in shop("export").out
    studio_file(shop).write_text(only_desk[only_desk.index("[[connections]]") :])
    assert "door is connected" not in shop("import", str(studio_file(shop))).out


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n"])
def test_an_empty_studio_file_is_refused(shop: Shop, text: str) -> None:
    """It is a file that was not written to its end, not a studio in order."""
    shop.ready()
    studio_file(shop).write_text(text)
    typed = shop("import", str(studio_file(shop)))
    assert (typed.code, typed.out) == (2, "")
    assert "studio.toml is empty" in typed.err


def test_a_secret_in_plain_text_is_told(shop: Shop) -> None:
    """With how to write it instead; the secret itself is not repeated."""
    shop("init")
    shop.ready()
    studio_file(shop).write_text(
        studio_file(shop).read_text().replace('{ env = "TEST_EXIVO_SECRET" }', '"pl4in-s3cr3t"')
    )
    typed = shop("import", str(studio_file(shop)))
    assert 'api_secret = { env = "NAME" }' in typed.out
    assert "pl4in" not in typed.out + typed.err


def test_an_import_ends_with_what_comes_next_and_warns_of_unknown_groups(shop: Shop) -> None:
    """Groups are known from the first look at the lock on."""
    shop("init")
    shop.ready()
    shop.join("1")
    assert shop("sync").code == 0
    studio_file(shop).write_text(studio_file(shop).read_text().replace('"AG-2"', '"AG-9"'))
    typed = shop("import", str(studio_file(shop)))
    assert "'AG-9', which door does not have; did you mean 'AG-2'? `studiohub openings door`" in typed.out
    assert "studiohub plan" in typed.out.splitlines()[-1]
    assert "passes: 2 rows (were 2)" in typed.out


def test_an_export_keeps_what_was_in_the_file(shop: Shop) -> None:
    """It may have comments and say where the secrets come from; the same text again is no harm."""
    shop.ready()
    before = studio_file(shop).read_text()
    kept = studio_file(shop).with_name(f"{studio_file(shop).name}~")
    for _ in range(2):
        assert shop("export", str(studio_file(shop))).code == 0
        assert kept.read_text() == before != studio_file(shop).read_text()


def test_everything_about_one_member_is_one_document(shop: Shop) -> None:
    """For whoever asks what is kept about them; no secret is in it, and that it was asked for is written down."""
    shop.ready()
    shop.join("1")
    assert shop("sync").code == 0
    typed = shop("export", "--member", "desk:1")
    told = json.loads(typed.out)
    assert told["member"] == "desk:1"
    assert {record["kind"] for record in told["records"]} >= {"member", "member_pass"}
    assert told["grants"][0]["state"] == "active"
    assert "export" in shop("audit").out


def test_a_backup_needs_no_name_and_can_be_restored(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies in the home then, for its owner only."""
    shop.ready()
    shop.join("1")
    assert shop("sync").code == 0
    told = json.loads(shop("backup", "--json").out)
    file = Path(told["file"])
    assert file.parent.name == "backups"
    assert file.stat().st_mode & 0o077 == 0
    second = tmp_path / "second"
    second.mkdir()
    shutil.copy(file.parent.parent / "key", second / "key")
    assert run(["--home", str(second), "restore", str(file)]) == 0
    assert run(["--home", str(second), "grants"]) == 0
    assert "desk:1" in shop.capsys.readouterr().out


def test_the_past_can_be_asked(shop: Shop) -> None:
    """By the studio's clock; a moment that is none is told."""
    shop.ready()
    shop.join("1")
    assert shop("sync").code == 0
    assert (
        "desk:1" in shop("grants", "--at", "2099-01-01 10:00").out
        or "Nobody" in shop("grants", "--at", "2099-01-01 10:00").out
    )
    assert "Nobody had a grant" in shop("grants", "--at", "2020-01-01").out
    assert json.loads(shop("grants", "--at", "2020-01-01", "--json").out) == []
    assert shop("grants", "--at", "gestern").code == 2


def test_lanes_say_when_what_runs_next(shop: Shop) -> None:
    """Also what failed, and how often."""
    shop.ready()
    shop.join("1")
    assert shop("sync").code == 0
    rows = json.loads(shop("lanes", "--json").out)
    assert {row["name"] for row in rows} == {"desk", "door"}
    assert all(row["failures"] == 0 and row["last_success"] for row in rows)
    assert "desk" in shop("lanes").out


# ── what can't be used ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_refusal_says_what_to_do_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An arrow with the next step."""
    shop.ready()
    monkeypatch.delenv("TEST_EXIVO_SECRET")
    for words, step in (
        (["import", "nowhere.toml"], "the README shows"),
        (["import", str(shop.folder)], "studio.toml"),
        (["import", str(studio_file(shop))], "export TEST_EXIVO_SECRET"),
        (["export", str(shop.folder / "no" / "x.toml")], "mkdir -p"),
        (["export", str(shop.folder)], "Name a file in it"),
        (["sync", "dor"], "desk, door"),
        (["simulate", "exivo", "--port", "99999"], "leave it out for a free one"),
        (["simulate", "exivo", "--fault", "statsu=503"], "simulate --help"),
        (["disconnect", "door"], "--revoke"),
    ):
        typed = shop(*words)
        assert typed.code == 2, words
        assert step in typed.err.partition("→")[2] or ("export TEST" in step and step in typed.err), (words, typed.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grants", "--target", "dor"], "did you mean 'door'?"),
        (["runs", "--connection", "dor"], "did you mean 'door'?"),
        (["log", "--connection", "dor"], "did you mean 'door'?"),
        (["log", "--run", "r-none"], "there is no run 'r-none'"),
        (["log", "--member", "desk:99"], "nobody is known as 'desk:99'"),
        (["grants", "--member", "desk:99"], "nobody is known as 'desk:99'"),
        (["explain", "desk:99"], "nobody is known as 'desk:99'"),
        (["explain", "99"], "nobody is known as '99'"),
        (["explain", "anna"], "Did you mean desk:1 (Anna Graf 1)?"),
        (["explain", "gra"], "Did you mean desk:1 (Anna Graf 1)?"),
        (["disconnect", "dor"], "did you mean 'door'?"),
        (["demo", "--members", "3"], "--members"),
        (["explain", "caf\udce9"], "is not valid UTF-8"),
    ],
    ids=lambda words: " ".join(words).encode(errors="replace").decode() if isinstance(words, list) else "",
)
def test_a_name_that_nobody_has_is_an_error_and_no_empty_list(shop: Shop, words: list[str], said: str) -> None:
    """An empty answer would read as if there were nothing."""
    shop.ready()
    shop.join("1")
    shop("sync")
    typed = shop(*words)
    assert (typed.code, typed.out) == (2, "")
    assert said in typed.err


def test_with_json_a_failing_command_prints_a_document_too(shop: Shop) -> None:
    """The text stays on standard error."""
    shop.ready()
    typed = shop("explain", "nobody", "--json")
    assert typed.code == 2
    assert typed.json["error"].keys() == {"code", "text", "said", "fix"}
    assert typed.json["error"]["code"] == "no_member"
    assert "nobody is known" in typed.err
    assert shop("grants", "--limit", "0", "--json").json["error"]["code"] == "usage"


def test_the_policy_is_checked_before_anything_else_is_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody types a secret for nothing."""
    shop.ready()
    asked: list[str] = []

    def answer(_self: object, question: str) -> str:
        asked.append(question)
        return "everything"

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(output._Console, "input", answer)
    monkeypatch.setattr(setup.getpass, "getpass", answer)
    typed = shop("connect", "exivo", "gate")
    assert (typed.code, len(asked)) == (2, 1)
    assert "policy must be one of sync, grant_only, observe" in typed.err


def test_a_source_that_gave_nothing_is_forgotten_without_a_question(shop: Shop) -> None:
    """There is nothing to leave or to take back; once members have access by it, there is."""
    shop.ready()
    shop.join("1")
    (shop.folder / "more").mkdir()
    assert shop("connect", "files", "more", f"path={shop.folder / 'more'}", "--no-check").code == 0
    assert shop("disconnect", "more").code == 0
    shop("sync")
    typed = shop("disconnect", "desk")
    assert (typed.code, "--leave or --revoke" in typed.err) == (2, True)


# ── what failed ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_check_does_not_read_like_a_success(shop: Shop) -> None:
    """Titles say what is well, so a failed one says that it failed."""
    shop.ready()
    shop.join("1")
    assert "failed: " not in shop("verify").out
    shop.exivo.faults.set("unauthorized")
    assert "✖ failed: key and secret are accepted" in shop("verify", "door").out
    assert "door: failed: key and secret are accepted" in shop("doctor").out
    assert "failed: key and secret" in shop("connect", "exivo", "door", "page_size=50").out
    shop.folder.joinpath("export").rename(shop.folder / "away")
    assert "✖ failed: Folder" in shop("verify", "desk").out


def test_under_observe_it_is_told_what_would_be_done(shop: Shop) -> None:
    """And no step is offered that would be refused."""
    shop.ready(policy="observe")
    shop.join("1", "2", "3")
    synced = shop("sync")
    assert synced.code == 0
    assert "3 would be created; policy is observe" in synced.out
    assert "nothing to change" not in synced.out
    planned = shop("plan").out
    assert "studiohub apply" not in planned
    assert "door has the policy observe" in planned
    assert 'policy = "sync"' in planned.splitlines()[-1]


def test_a_plan_names_passes_that_open_nothing(shop: Shop) -> None:
    """Before anybody stands before a closed door."""
    shop.ready()
    shop.join("1")
    shop.desk.member_passes[0] = {**shop.desk.member_passes[0], "pass_id": "abo-99"}
    shop.export()
    typed = shop("plan")
    assert "1 member of desk has the pass 'abo-99', which no mapping row names" in typed.out
    assert "[[passes]]" in typed.out


def test_with_json_a_plan_that_can_not_be_made_is_an_error(shop: Shop) -> None:
    """And no empty list, which would read as if there were nothing to do."""
    shop.ready()
    shop.join("1")
    shop.exivo.faults.set("unauthorized")
    typed = shop("plan", "--json")
    assert typed.code == 1
    assert typed.json["error"]["text"]


def test_help_tells_the_exit_codes(shop: Shop) -> None:
    """Where a command has more of them than well and not."""
    for name, said in (
        ("verify", "4 (some do)"),
        ("doctor", "1 (something failed)"),
        ("plan", "3 (something would"),
    ):
        assert said in " ".join(shop(name, "--help").out.split()), name
    assert "status=503" in shop("simulate", "--help").out


def test_the_readme_lists_every_command_and_the_docs_every_fault(shop: Shop) -> None:
    """A command that is not written down is not found."""
    root = Path(__file__).parents[2]
    readme, faults = (root / "README.md").read_text(), (root / "docs" / "simulate.md").read_text()
    assert [name for name in NAMES if f"`{name}" not in readme.partition("## All commands")[2]] == []
    assert [name for name in Faults.names() if f"| `{name}" not in faults] == []
    shown = shop("simulate", "--help").out
    assert [name for name in Faults.names() if name not in shown] == []


def test_the_doctor_speaks_in_the_time_of_the_studio(shop: Shop) -> None:
    """As every other command does."""
    shop.ready()
    shop.join("1")
    shop("sync")
    here = datetime.now(ZoneInfo("Europe/Zurich"))
    said = shop("doctor").out
    assert "UTC" not in said
    assert {f"door last ran {here - timedelta(minutes=ago):%d %b %H:%M}" for ago in (0, 1)} & {
        line.partition(" ")[2] for line in said.splitlines()
    }


@pytest.mark.parametrize("broken", ["desk", "more", "door", "gate"])
def test_one_connection_that_fails_beside_another_that_works_is_4(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The others are done; only where there is no other, nothing could be done."""
    shop.ready()
    shop.join("1")
    shutil.copytree(shop.folder / "export", shop.folder / "more")
    assert shop("connect", "files", "more", f"path={shop.folder / 'more'}").code == 0
    gate = ExivoSimulator(groups={"AG-1": "Gym"})
    monkeypatch.setitem(http.transports, "http://gate.test", http.asgi(gate))
    logins = [f"{name}={value}" for name, value in gate.logins.items() if name != "api_secret"]
    words = [
        "base_url=http://gate.test/v1",
        "requests_per_second=1000000",
        "api_secret=env:TEST_EXIVO_SECRET",
        "--policy",
        "sync",
    ]
    assert shop("connect", "exivo", "gate", *logins, *words).code == 0
    assert shop("sync").code == 0
    if broken in {"desk", "more"}:
        shutil.rmtree(shop.folder / {"desk": "export", "more": "more"}[broken])
    else:
        {"door": shop.exivo, "gate": gate}[broken].faults.set("unauthorized")
    assert shop("sync").code == 4


# ── real processes ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", [["plugin", "list"], ["plugin", "list", "--json"], ["--help"], ["--version"]])
def test_an_output_that_can_not_be_written_is_told(tmp_path: Path, words: list[str]) -> None:
    """A full disk is no mistake of studiohub's, and no success."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hub.cli", *words],
            env={**os.environ, "STUDIOHUB_HOME": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "the output can't be written" in done.stderr
    assert "No space left" in done.stderr
    assert "Exception ignored" not in done.stderr
    assert not list(tmp_path.glob("crash-*"))


def test_ctrl_c_while_it_is_loading_is_quiet() -> None:
    """As quiet as later."""
    code = "import sys\nclass Stop:\n def find_spec(self, name, *_):\n"
    code += "  if name == 'hub.cli.app': raise KeyboardInterrupt\n"
    code += "sys.meta_path.insert(0, Stop())\nfrom hub.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


def test_nothing_slow_is_loaded_before_ctrl_c_is_cared_for() -> None:
    """What the installed command imports first is next to nothing; and everything that plugins import is there."""
    code = "import sys, hub.cli; assert not {'pydantic', 'httpx', 'cyclopts', 'asyncio'} & sys.modules.keys(); "
    code += "import hub; assert all(getattr(hub, name) is not None for name in hub.__all__)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ── on a terminal of 80 columns ───────────────────────────────────────────────────────────────────────────────────────


def test_a_grant_takes_two_lines_where_a_table_has_no_room(shop: Shop) -> None:
    """And no date is broken; with more room it is a table."""
    shop.ready()
    shop.join("1", "2")
    assert shop("sync").code == 0
    shown = {}
    for columns in (80, 160):
        command = [sys.executable, "-m", "hub.cli", "--home", str(shop.home), "grants"]
        with on_terminal(command, size=(columns, 24)) as terminal:
            assert terminal.wait() == 0
            shown[columns] = [line.rstrip() for line in terminal.text.splitlines() if line.strip()]
    assert len(shown[80]) == 4
    assert all(len(line) <= 80 for line in shown[80])
    for head, below in zip(shown[80][::2], shown[80][1::2], strict=True):
        assert "● created" in head
        assert re.match(r"    \d+ \w+ \d{4} – \d+ \w+ \d{4} ", below) or "open" in below
    assert shown[160][0].split()[:3] == ["status", "member", "name"]


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_saying_no_to_a_new_home_is_no_mistake(tmp_path: Path, folder: str) -> None:
    """An empty folder, as a volume or a service manager makes one, is no home yet either."""
    if folder == "empty":
        (tmp_path / "home").mkdir()
    command = [sys.executable, "-m", "hub.cli", "--home", str(tmp_path / "home"), "tui"]
    with on_terminal(command, size=(80, 24)) as terminal:
        terminal.until("Make one there? [y/N]")
        terminal.press("\n")
        assert terminal.wait() == 2
        said = terminal.text.partition("[y/N]")[2]
    assert "✖" not in said
    assert "Nothing was made. `studiohub init` makes one" in said
    assert not list(tmp_path.glob("home/*"))


@pytest.mark.parametrize(("typed", "meant"), [("statu", "inbox"), ("status", "inbox"), ("gratns", "grants")])
def test_a_word_that_is_no_command_names_the_one_that_was_meant(shop: Shop, typed: str, meant: str) -> None:
    found = shop(typed)
    assert found.code == 2
    assert found.err.count(f'Did you mean "{meant}"?') == 1
