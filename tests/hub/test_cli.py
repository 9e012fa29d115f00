"""What people type, and what they get: results, exit codes, sentences, never a traceback and never a secret."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from hub import http
from hub.cli import app as app_module
from hub.cli import output, setup
from hub.cli.app import COMMANDS, app, run
from hub.store.database import FILE_NAME
from hub.vault import read_key_file
from plugins.booking.files.simulator import Desk
from plugins.exivo.simulator import API_SECRET, ExivoSimulator
from tests.harness import badge_of, write_studio

COMMAND = str(Path(sys.executable).with_name("studiohub"))
ORIGIN = "http://exivo-cli.test"
NAMES = [name for _, _, name, _ in COMMANDS]


@dataclass
class Typed:
    """What came of a command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it has to be."""
        return json.loads(self.out)


@dataclass
class Shop:
    """An installation in a folder, with a desk and a simulated exivo."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    desk: Desk
    exivo: ExivoSimulator
    everything: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def __call__(self, *words: str) -> Typed:
        """Type a command line at this installation, in this process."""
        self.capsys.readouterr()
        code = run(["--home", str(self.home), *words])
        printed = self.capsys.readouterr()
        self.everything += [printed.out, printed.err]
        return Typed(code, printed.out, printed.err)

    def join(self, *members: str) -> None:
        """Members with a pass and a badge, exported."""
        for member in members:
            self.desk.members.append({"id": member, "given_name": "Anna", "family_name": f"Graf {member}"})
            self.desk.badges.append({"member_id": member, "number": badge_of(member)})
            self.desk.member_passes.append(
                {"id": f"mp{member}", "member_id": member, "pass_id": "abo", "state": "active"}
            )
        self.export()

    def export(self) -> None:
        self.desk.export(at=datetime.now(UTC))

    def ready(self, **settings: Any) -> Shop:
        """Home made, studio imported."""
        assert self("init").code == 0
        imported = self("import", str(write_studio(self.folder, f"{ORIGIN}/v1", **settings)))
        assert imported.code == 0, imported.err
        return self


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    """Nothing is installed yet. Whatever is typed in a test, no secret may come out."""
    monkeypatch.setenv("STUDIOHUB_HOME", "")
    monkeypatch.setenv("STUDIOHUB_STUDIO", "")
    monkeypatch.setenv("TEST_EXIVO_SECRET", API_SECRET)
    for cached in (output.out, output.err):
        cached.cache_clear()
    desk = Desk(tmp_path / "export")
    desk.passes += [{"id": "abo", "name": "Abo 12 months"}, {"id": "abo-sauna", "name": "Abo + Sauna"}]
    exivo = ExivoSimulator(groups={"AG-1": "Gym", "AG-2": "Gym + Sauna"})
    monkeypatch.setitem(http.transports, ORIGIN, http.asgi(exivo))
    made = Shop(tmp_path, capsys, desk, exivo)
    yield made
    printed = "".join(made.everything)
    assert API_SECRET not in printed
    assert "Traceback" not in printed
    if (made.home / "key").exists():
        assert not any(key in printed for key in read_key_file(made.home))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a studio in it, for command lines that change nothing."""
    folder = tmp_path_factory.mktemp("installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_EXIVO_SECRET", API_SECRET)
        assert run(["--home", str(folder / "home"), "init"]) == 0
        file = write_studio(folder, f"{ORIGIN}/v1")
        assert run(["--home", str(folder / "home"), "import", str(file)]) == 0
    return folder / "home"


def studiohub(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STUDIOHUB_")}
    return subprocess.run(
        [COMMAND, *words],
        env={**clean, "STUDIOHUB_HOME": str(home), "TEST_EXIVO_SECRET": API_SECRET, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# ── help ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

PLUGIN = [("plugin", "list"), ("plugin", "new"), ("plugin", "check")]
LEAVES = [*((name,) for name in NAMES if name not in {"key", "plugin"}), ("key", "rotate"), *PLUGIN]
LEAVES += [("mail", name) for name in ("templates", "variables", "show", "save", "reset", "preview")]
LEAVES += [("metrics", name) for name in ("trends", "export", "reassign", "drop", "restore", "fetch")]
LEAVES += [("rules", name) for name in ("add", "change", "delete")]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_explains_itself_and_all_that_it_takes(shop: Shop, words: tuple[str, ...]) -> None:
    """Its sentence, and one for each parameter; no home is needed for that."""
    typed = shop(*words, "--help")
    assert (typed.code, typed.err) == (0, "")
    assert f"Usage: studiohub {' '.join(words)}" in typed.out
    command = app
    for word in words:
        command = command[word]
    assert command.default_command is not None
    sentence = str(command.default_command.__doc__).split("\n")[0]
    assert " ".join(sentence.split()) in " ".join(typed.out.split())
    for argument in command.assemble_argument_collection(parse_docstring=True):
        assert argument.parameter.help, f"{' '.join(words)} {argument.name} is not explained"
    assert "--home" in typed.out


def test_the_list_of_commands_is_complete(shop: Shop) -> None:
    """Every command of the design that exists, each with its sentence."""
    typed = shop("--help")
    assert typed.code == 0
    for _, _, name, words in COMMANDS:
        assert re.search(rf"^│ {name} +{re.escape(words)}", typed.out, re.MULTILINE), name
    assert shop().out == typed.out


def test_what_a_command_says_about_itself_is_shown_whole(shop: Shop) -> None:
    """Not only the sentence by which it is listed."""
    text = " ".join(shop("connect", "--help").out.split())
    assert "secrets as key=env:NAME or key=file:PATH" in text
    assert "--no-check" in text
    assert "3 (something is held)" in shop("sync", "--help").out


def test_the_version_is_told(shop: Shop) -> None:
    """Alone, for scripts."""
    from importlib.metadata import version

    assert shop("--version").out == f"{version('studiohub')}\n"


# ── what can't be used ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["snyc"], "snyc"),
        (["sync", "--fast"], "--fast"),
        (["sync", "dor"], "did you mean 'door'?"),
        (["import"], "FILE"),
        (["import", "no-such-file.toml"], "can't be read"),
        (["explain"], "MEMBER"),
        (["explain", "nobody"], "nobody is known as 'nobody'"),
        (["accesses"], "BOOKING"),
        (["accesses", "b-0"], "no booking is known as 'b-0'"),
        (["grants", "--status", "lost"], "--status"),
        (["grants", "--limit", "0"], "--limit"),
        (["grants", "--limit", "many"], "--limit"),
        (["log", "--level", "loud"], "--level"),
        (["apply", "p-none"], "there is no plan 'p-none'"),
        (["approve", "p-none"], "there is no plan 'p-none'"),
        (["disconnect", "door"], "--leave or --revoke"),
        (["disconnect", "door", "--leave", "--revoke"], "--leave or --revoke"),
        (["disconnect", "dor", "--leave"], "did you mean 'door'?"),
        (["verify", "dor"], "did you mean 'door'?"),
        (["connect", "exvio", "x"], "Did you mean 'exivo'?"),
        (["connect", "exivo", "the door"], "is missing"),
        (["connect", "exivo", "desk"], "is a connection of plugin 'files'"),
        (["connect", "files", "a b", "path=x"], "name is letters"),
        (["connect", "files", "x", "path"], "key=value"),
        (["connect", "files", "x", "pth=x", "path=x"], "did you mean 'path'?"),
        (["connect", "exivo", "door", "policy=all"], "policy must be"),
        (["simulate", "exvio"], "Did you mean 'exivo'?"),
        (["simulate", "files"], "has no simulator"),
        (["simulate", "exivo", "--fault", "statsu=503"], "statsu"),
        (["simulate", "exivo", "--port", "99999"], "port 99999 can't be used"),
        (["--studio", "Südlicht", "grants"], "there is no studio 'Südlicht'"),
        (["--home"], "--home"),
    ],
    ids=" ".join,
)
def test_what_was_typed_wrongly_ends_with_2_and_what_would_be_right(
    installed: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """On standard error; nothing is on standard output, and nothing was done."""
    before = (installed / FILE_NAME).read_bytes()
    assert run(["--home", str(installed), *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert (installed / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in {"demo", "init", "simulate", "plugin", "doctor", "restore"}]
)
def test_without_a_home_every_command_says_how_to_make_one(shop: Shop, name: str) -> None:
    """And makes none by itself."""
    words = {"import": ["x.toml"], "connect": ["files", "x"], "disconnect": ["x", "--leave"], "key": ["rotate"]}
    names = ("explain", "accesses", "apply", "approve", "backup", "erase", "webhook", "member-link")
    argument = {one: ["x"] for one in names}
    typed = shop(name, *words.get(name, argument.get(name, [])))
    assert typed.code == 2
    assert "there is no studiohub home" in typed.err
    assert "studiohub init" in typed.err
    assert not shop.home.exists()


@pytest.mark.parametrize("name", ["sync", "grants", "runs", "log", "inbox", "export", "verify", "plan"])
def test_without_a_studio_every_command_says_how_to_get_one(shop: Shop, name: str) -> None:
    """After `init` and before `import`."""
    shop("init")
    typed = shop(name)
    assert (typed.code, typed.out) == (2, "")
    assert "studiohub import FILE" in typed.err


# ── where the home is ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["before", "after", "equals", "environment"])
def test_the_home_may_be_named_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """Before the command, behind it, or in the environment; what is typed wins."""
    home = tmp_path / "a home"
    monkeypatch.setenv("STUDIOHUB_HOME", str(home if how == "environment" else tmp_path / "another"))
    words = {
        "before": ["--home", str(home), "init", "--json"],
        "after": ["init", "--json", "--home", str(home)],
        "equals": [f"--home={home}", "init", "--json"],
        "environment": ["init", "--json"],
    }[how]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["home"] == str(home)
    assert (home / FILE_NAME).exists()
    assert not (tmp_path / "another").exists()


def test_init_makes_what_is_missing_for_its_owner_only(shop: Shop) -> None:
    """And nothing when it is typed again."""
    typed = shop("init", "--json")
    assert [made.split()[0] for made in typed.json["made"]] == ["home", "database", "key"]
    assert stat.S_IMODE(shop.home.stat().st_mode) == 0o700
    for name in ("key", FILE_NAME):
        assert stat.S_IMODE((shop.home / name).stat().st_mode) == 0o600
    key = read_key_file(shop.home)
    assert "Nothing to do" in shop("init").out
    assert shop("init", "--json").json["made"] == []
    assert read_key_file(shop.home) == key


# ── the whole day ─────────────────────────────────────────────────────────────────────────────────────────────────────


GRANT = {"id", "member", "source", "target", "opens", "valid_from", "valid_until", "status"}
GRANT |= {"vendor_id", "rule", "reason", "created_at"}


def test_a_studio_from_init_to_disconnect(shop: Shop) -> None:
    """Every command in the order in which somebody meets them, once for people and once for programs."""
    shop.ready(hold_count=1, hold_percent=0)
    shop.join("1", "2", "3")
    assert {check["state"] for one in shop("verify", "--json").json for check in one["checks"]} <= {"ok", "skipped"}
    assert "door" in shop("verify").out
    assert shop("openings", "--json").code == 0

    planned = shop("plan", "--json")
    assert planned.code == 0
    assert {"id", "hash", "target", "counts", "changes"} <= planned.json.keys()
    assert planned.json["counts"]["create"] == 3
    assert {"action", "member", "opens", "reason", "rule"} <= planned.json["changes"][0].keys()
    assert "Nothing has been changed yet" in shop("plan").out
    assert shop("grants", "--json").json == []
    applied = shop("apply", planned.json["id"], "--json")
    assert (applied.code, applied.json["targets"][0]["applied"]) == (0, {"create": 3})

    synced = shop("sync", "--json")
    assert (synced.code, synced.json["exit_code"]) == (0, 0)
    assert [run["state"] for run in synced.json["sources"] + synced.json["targets"]] == ["done", "done"]
    assert "nothing to change" in shop("sync").out

    grants = shop("grants", "--json").json
    assert [GRANT - grant.keys() for grant in grants] == [set()] * 3
    assert {grant["status"] for grant in grants} == {"created"}
    assert (
        shop("grants", "--member", "desk:1", "--status", "created", "--limit", "5", "--json").json[0]["member"]
        == "desk:1"
    )
    table = shop("grants").out.splitlines()
    assert (len(table), len({line.count("\t") for line in table})) == (4, 1)
    explained = shop("explain", "desk:1", "--json").json
    assert {"member", "verdict", "reasons", "doors"} <= explained.keys()
    assert explained["verdict"] == "access"
    assert "Anna Graf 1" in shop("explain", "Anna Graf 1").out

    shop.desk.member_passes = shop.desk.member_passes[:1]
    shop.export()
    held = shop("sync", "--json")
    assert (held.code, held.json["targets"][0]["held"]) == (3, 2)
    assert "studiohub approve" in shop("sync").out
    items = shop("inbox", "--json").json
    assert items
    assert all({"id", "code", "text", "fix", "subject", "since"} <= item.keys() for item in items)
    assert items[0]["text"] in shop("inbox").out
    plan = shop("plan", "--json")
    assert plan.code == 3
    assert "nothing" in shop("approve", planned.json["id"]).err
    approved = shop("approve", plan.json["id"], "--json")
    assert (approved.code, approved.json["targets"][0]["applied"]) == (0, {"remove": 2})

    runs = shop("runs", "--limit", "3", "--json").json
    assert [len(runs), len(shop("runs", "--limit", "3").out.splitlines())] == [3, 4]
    assert shop("runs", "--connection", "door", "--json").json[0]["connection"] == "door"
    lines = shop("log", "--json").json
    assert lines
    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    assert shop("log", "--member", "desk:1", "--limit", "1", "--json").json[0]["member"] == "desk:1"
    assert len(shop("log").out.splitlines()) == len(lines)
    assert {finding["state"] for finding in shop("doctor", "--json").json} <= {"ok", "warning"}
    assert shop("doctor").code == 0
    assert "secrets are sealed with the new key" in shop("key", "rotate").out
    assert shop("sync").code == 0

    gone = shop("disconnect", "door", "--revoke", "--json")
    assert (gone.code, gone.json) == (0, {"removed": 1, "failed": {}, "forgotten": True})
    assert shop("disconnect", "desk", "--leave").code == 0
    assert shop("verify", "--json").json == []


def test_a_studio_file_goes_in_and_comes_out(shop: Shop) -> None:
    """To a file or to standard output; imported again, it changes nothing."""
    shop.ready()
    again = shop("import", str(shop.folder / "studio.toml"), "--json")
    assert (again.code, again.json) == (0, {"changes": []})
    assert "nothing changed" in shop("import", str(shop.folder / "studio.toml")).out
    exported = shop("export")
    assert shop("export", str(shop.folder / "out.toml")).out == ""
    assert (shop.folder / "out.toml").read_text() == exported.out
    assert shop("import", str(shop.folder / "out.toml"), "--json").json == {"changes": []}
    assert shop("export", str(shop.folder / "no" / "such" / "folder.toml")).code == 2


def test_a_bad_studio_file_is_told_line_by_line(shop: Shop) -> None:
    """One problem on each line, and what happened then."""
    shop.ready()
    file = shop.folder / "studio.toml"
    file.write_text(file.read_text().replace("priority", "prio").replace('"desk"', '"[/]"', 1))
    typed = shop("import", str(file))
    assert typed.code == 2
    assert len(re.findall(r"studio\.toml line \d+: ", typed.err)) >= 3
    assert "Nothing was imported." in typed.err


def test_words_that_look_like_markup_are_shown_as_they_are(shop: Shop) -> None:
    """A name can't break a line, colour it or take over the terminal."""
    shop("init")
    file = write_studio(shop.folder, f"{ORIGIN}/v1")
    file.write_text(file.read_text().replace("Studio Nordlicht", "[/] [red]Nord"))
    assert "studio '[/] [red]Nord' created" in shop("import", str(file)).out
    shop.join("1")
    shop.desk.members[0] = {"id": "1", "given_name": "Anna\x1b[2J [/]\ttab", "family_name": "[bold]"}
    shop.export()
    shop("sync")
    for words in (["grants"], ["explain", "desk:1"], ["plan"], ["log"], ["grants", "--json"]):
        typed = shop(*words)
        assert typed.code in {0, 3}, typed.err
        assert "\x1b" not in typed.out
    assert len({line.count("\t") for line in shop("grants").out.splitlines()}) == 1
    assert shop("grants", "--json").json[0]["name"].endswith("[bold]")


# ── exit codes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param("", 0, id="well"),
        pytest.param("status=400,operation=addPerson,after=2", 4, id="one-record-fails"),
        pytest.param("outage=503", 1, id="nothing-can-be-done"),
        pytest.param("unauthorized", 1, id="refused"),
    ],
)
def test_a_sync_ends_with_what_it_came_to(shop: Shop, fault: str, code: int) -> None:
    """0 well, 4 some records failed, 1 nothing could be done; the JSON document says the same."""
    shop.ready()
    shop.join("1", "2", "3")
    if fault:
        shop.exivo.faults.set(fault)
    typed = shop("sync", "--json")
    assert (typed.code, typed.json["exit_code"]) == (code, code)


@pytest.mark.parametrize(("broken", "code"), [([], 0), (["door"], 4), (["door", "desk"], 1)])
def test_verify_ends_with_what_it_found(shop: Shop, broken: list[str], code: int) -> None:
    """0 all work, 4 some do, 1 none does; one that fails does not hide the others."""
    shop.ready()
    shop.join("1")
    if "door" in broken:
        shop.exivo.faults.set("unauthorized")
    if "desk" in broken:
        shop.folder.joinpath("export").rename(shop.folder / "away")
    typed = shop("verify", "--json")
    assert typed.code == code
    found = {one["connection"]: {check["state"] for check in one["checks"]} for one in typed.json}
    assert {name for name, states in found.items() if "failed" in states} == set(broken)
    assert shop("verify").code == code


def test_a_plugin_that_breaks_while_verifying_is_a_failed_check(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are tried all the same."""
    shop.ready()
    shop.join("1")

    async def breaks(_connection: Any) -> list[Any]:
        raise ValueError(f"no {API_SECRET}")

    monkeypatch.setattr("plugins.exivo.checks.verify", breaks)
    typed = shop("verify", "--json")
    assert typed.code == 4
    assert [one["connection"] for one in typed.json] == ["desk", "door"]
    assert "ValueError" in typed.json[1]["checks"][0]["said"]
    assert shop("doctor").code == 1


# ── connecting ────────────────────────────────────────────────────────────────────────────────────────────────────────

UNPACED = [f"base_url={ORIGIN}/v1", "requests_per_second=1000000"]
DOOR = ["site_id=x", "api_key=y", *UNPACED, "--policy", "observe"]


@pytest.mark.parametrize("home", [True, False])
def test_a_secret_is_never_taken_from_the_command_line(shop: Shop, home: bool) -> None:
    """Others can read it there; the error says how to give it instead and does not repeat it."""
    if home:
        shop.ready()
    typed = shop("connect", "exivo", "gate", *DOOR, "api_secret=hunter2-hunter2")
    assert typed.code == 2
    assert "hunter2" not in typed.err
    if home:
        assert "Write api_secret=env:NAME or api_secret=file:PATH" in typed.err
        assert "gate" not in shop("export").out


def test_a_connection_is_tried_before_it_is_saved(shop: Shop) -> None:
    """One that does not work is not saved, unless that is asked for."""
    shop.ready()
    logins = [f"{name}={value}" for name, value in shop.exivo.logins.items() if name != "api_secret"]
    words = ["connect", "exivo", "gate", *logins, *UNPACED, "--policy", "observe"]
    wrong = [*words, "api_secret=env:WRONG"]
    os.environ["WRONG"] = "not-the-s3cr3t"
    try:
        refused = shop(*wrong, "--json")
        assert (refused.code, refused.json["saved"]) == (1, False)
        assert "nothing was saved" in refused.err
        assert "gate" not in shop("export").out
        kept = shop(*wrong, "--no-check", "--json")
        assert (kept.code, kept.json["changes"]) == (0, ["connection 'gate' (dormakaba exivo) created"])
    finally:
        del os.environ["WRONG"]
    well = shop(*words, "api_secret=env:TEST_EXIVO_SECRET", "--json")
    assert (well.code, well.json["changes"]) == (0, ["connection 'gate' changed"])
    assert {check["state"] for check in well.json["checks"]} <= {"ok", "skipped", "warning"}
    assert "not-the-s3cr3t" not in "".join(shop.everything)


def test_changing_a_setting_keeps_all_the_others(shop: Shop) -> None:
    """The secret, the limits and whom the hub must not touch."""
    shop.ready(protect='["desk:7"]', hold_count=3)
    before = shop("export").out
    typed = shop("connect", "exivo", "door", "page_size=50", "--json")
    assert (typed.code, typed.json["changes"]) == (0, ["connection 'door' changed"])
    assert shop("export").out == before.replace("page_size = 100", "page_size = 50")
    assert "as it was" in shop("connect", "exivo", "door", "page_size=50").out


def test_what_is_missing_is_asked_for_on_a_terminal_only(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a script it is an error that names it; typed secrets are not echoed."""
    shop.ready()
    typed = shop("connect", "exivo", "gate", "site_id=x")
    assert (typed.code, "policy is missing" in typed.err) == (2, True)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(setup.getpass, "getpass", lambda _question: "typed-s3cr3t")
    monkeypatch.setattr(output._Console, "input", lambda _self, question: "observe" if "hub go" in question else "x")
    typed = shop("connect", "exivo", "gate", f"base_url={ORIGIN}/v1", "--no-check")
    assert typed.code == 0, typed.err
    assert 'site_id = "x"' in shop("export").out
    assert "typed-s3cr3t" not in "".join(shop.everything)


def test_paths_are_taken_from_where_the_command_is_typed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other command does."""
    shop.ready()
    (shop.folder / "other").mkdir()
    monkeypatch.chdir(shop.folder)
    assert shop("connect", "files", "more", "path=other", "--no-check").code == 0
    assert f'path = "{shop.folder / "other"}"' in shop("export").out


# ── plugins ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_plugins_are_listed_with_what_is_wrong(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home is needed for that; one that is broken is named with the reason."""
    site = shop.folder / "site"
    info = site / "studiohub_acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: studiohub-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[studiohub.plugins]\nacme = no_such_module_of_acme\n")
    monkeypatch.syspath_prepend(site)
    listed = shop("plugin", "list", "--json").json
    assert {"exivo", "files"} <= {one["name"] for one in listed["plugins"]}
    assert [(one["name"], one["from"]) for one in listed["broken"]] == [("acme", "studiohub-acme 1.0")]
    said = shop("plugin", "list").out
    assert "acme could not be loaded" in said
    assert "(studiohub-acme 1.0)" in said
    shop.ready()
    assert shop("doctor").code == 1
    monkeypatch.setenv("STUDIOHUB_BLOCK_PLUGINS", "acme")
    assert shop("plugin", "list", "--json").json["broken"] == []


def test_the_trace_shows_calls_and_no_secrets(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, beside the result."""
    shop.ready()
    shop.join("1")
    monkeypatch.setenv("STUDIOHUB_TRACE_PLUGINS", "1")
    typed = shop("sync", "--json")
    assert typed.json["exit_code"] == 0
    assert "hook files.read_records(" in typed.err
    assert "hook exivo.grant_access(grant=Grant(" in typed.err


# ── when it goes wrong ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mistake_in_studiohub_leaves_a_report_and_no_traceback(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the home, for its owner only, without secrets."""
    shop.ready()

    async def breaks(*_arguments: Any, **_named: Any) -> None:
        raise RuntimeError(f"no idea what to do with {API_SECRET} \udcff and api_key='hunter2'")

    monkeypatch.setattr("hub.cli.look.list_grants", breaks)
    shop("verify")
    typed = shop("grants")
    assert (typed.code, typed.out) == (1, "")
    assert "studiohub made a mistake: RuntimeError" in typed.err
    (report,) = shop.home.glob("crash-*.txt")
    assert str(report) in typed.err.replace("\n", "")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "Traceback" in text
    assert "no idea what to do" in text
    assert API_SECRET not in text
    assert "hunter2" not in text


def test_without_a_home_the_report_lies_where_the_command_was_typed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where even that is not possible, it is printed."""
    monkeypatch.chdir(shop.folder)

    def breaks(*_arguments: Any) -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr("hub.cli.plugin.load_plugins", breaks)
    assert shop("plugin", "list").code == 1
    assert len(list(shop.folder.glob("crash-*.txt"))) == 1


def test_trouble_with_the_database_is_no_mistake_of_studiohub(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process at it, a full disk, a server that went away: in its words, and without a report."""
    shop.ready()

    async def breaks(*_arguments: Any, **_named: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("database is locked"))

    monkeypatch.setattr("hub.cli.look.list_grants", breaks)
    typed = shop("grants")
    assert typed.code == 1
    assert "the database could not be used" in typed.err
    assert "database is locked" in typed.err
    assert not list(shop.home.glob("crash-*"))


def test_ctrl_c_is_an_end_and_no_error(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """130, as a shell expects."""
    shop.ready()

    async def interrupted(*_arguments: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hub.cli.look.list_grants", interrupted)
    typed = shop("grants")
    assert (typed.code, typed.out, typed.err) == (130, "", "stopped\n")


def test_into_a_pipe_there_are_no_bars_and_no_colours(shop: Shop) -> None:
    """Whatever reads it gets text."""
    shop.ready()
    shop.join("1")
    for words in (["sync"], ["plan"], ["grants"], ["runs"], ["doctor"], ["verify"]):
        typed = shop(*words)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f━╸]", typed.out + typed.err), words
        assert typed.err == ""


def test_what_a_vendor_echoes_is_masked_in_results_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, lines and JSON documents, not only errors."""
    from hub.grants import Check, CheckState

    shop.ready()

    async def echoes(_connection: Any) -> list[Check]:
        return [
            Check(title=f"with {API_SECRET}", state=CheckState.WARNING, said=f"it was {API_SECRET}", fix=API_SECRET)
        ]

    monkeypatch.setattr("plugins.exivo.checks.verify", echoes)
    assert "•••" in shop("verify", "door").out
    assert shop("verify", "door", "--json").json[0]["checks"][0]["said"] == "it was •••"


# ── real processes ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_installed_command_does_what_the_function_does(tmp_path: Path) -> None:
    """From a fresh home to an export, with the exit codes a script sees."""
    home = tmp_path / "home"
    assert studiohub(home, "grants").returncode == 2
    assert studiohub(home, "init").returncode == 0
    (tmp_path / "studio.toml").write_text('[studio]\nname = "N"\ntimezone = "UTC"\n')
    imported = studiohub(home, "import", str(tmp_path / "studio.toml"))
    assert (imported.returncode, imported.stderr) == (0, "")
    assert 'name = "N"' in studiohub(home, "export").stdout


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`studiohub … | head -1` ends quietly."""
    home = tmp_path / "home"
    line = f"('{COMMAND}' plugin list; echo code=$? >&2) | true"
    environment = {**os.environ, "STUDIOHUB_HOME": str(home)}
    result = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert result.stderr == "code=0\n"


def test_a_terminal_that_can_not_show_a_character_gets_another(tmp_path: Path) -> None:
    """And JSON stays JSON."""
    home = tmp_path / "home"
    studiohub(home, "init")
    doctor = studiohub(home, "doctor", PYTHONIOENCODING="ascii")
    assert (doctor.returncode, doctor.stderr) == (0, "")
    (tmp_path / "studio.toml").write_text('[studio]\nname = "Nördlich"\ntimezone = "UTC"\n', encoding="utf-8")
    imported = studiohub(home, "import", str(tmp_path / "studio.toml"), "--json", PYTHONIOENCODING="ascii")
    assert json.loads(imported.stdout)["changes"][0] == "studio 'Nördlich' created"


def wait_until_open(process: subprocess.Popen[str], file: Path, *, seconds: float = 60.0) -> None:
    """Wait until a process has a file open, so that what is written from then on is news to it."""
    handles = Path(f"/proc/{process.pid}/fd")
    give_up = time.monotonic() + seconds
    while handles.is_dir() and time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            if any(handle.exists() and handle.resolve() == file.resolve() for handle in handles.iterdir()):
                return
        time.sleep(0.05)


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_log_can_be_followed(shop: Shop, form: str) -> None:
    """New lines come as they are written, the very first one too, until Ctrl+C."""
    shop.ready()
    shop.join("1")
    environment = {**os.environ, "STUDIOHUB_HOME": str(shop.home)}
    words = [COMMAND, "log", "--follow", *(["--json"] if form == "json" else [])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            wait_until_open(process, shop.home / "studiohub.sqlite3")
            assert shop("log", "--json").json == []
            shop("sync")
            written = shop("log", "--json").json
            seen = [process.stdout.readline() for _ in written]
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            said = process.stderr.read()
        finally:
            process.kill()
    assert written
    if form == "json":
        assert [json.loads(line) for line in seen] == written
    else:
        assert all(line["text"] in shown for line, shown in zip(written, seen, strict=True))
    assert (rest, said, process.returncode) == ("", "stopped\n", 130)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_can_be_installed(tmp_path: Path, shell: str) -> None:
    """One command writes it to where the shell looks; it knows every command."""
    installed = studiohub(tmp_path / "home", "--install-completion", "--shell", shell, HOME=str(tmp_path))
    assert installed.returncode == 0, installed.stderr
    scripts = [path for path in tmp_path.rglob("*") if path.is_file() and "studiohub" in path.name]
    assert len(scripts) == 1
    text = scripts[0].read_text()
    assert all(re.search(rf"\b{name}\b", text) for name in NAMES)


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """As it does when somebody presses the tab key."""
    studiohub(tmp_path / "home", "--install-completion", "--shell", "bash", HOME=str(tmp_path))
    (script,) = [path for path in tmp_path.rglob("studiohub") if path.is_file()]
    ask = (
        'source "$1"; complete -p studiohub >/dev/null || exit 9; try() { COMP_WORDS=("$@"); '
        "COMP_CWORD=$(($# - 1)); COMPREPLY=(); _studiohub; echo ${COMPREPLY[*]}; }; "
        "try studiohub si; try studiohub connect --no"
    )
    completed = subprocess.run(["bash", "-c", ask, "bash", str(script)], capture_output=True, text=True, check=True)
    assert completed.stdout.split() == ["simulate", "--no-check"]


def test_a_simulator_is_served_until_ctrl_c(tmp_path: Path) -> None:
    """Its address and what to log in with come first, made up as they are."""
    environment = {**os.environ, "STUDIOHUB_HOME": str(tmp_path / "home")}
    words = [COMMAND, "simulate", "exivo", "--fault", "status=503"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            lines = list(takewhile(lambda line: "Ctrl+C" not in line, process.stdout))
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert re.search(r"simulated at http://127\.0\.0\.1:\d+/v1$", lines[0].strip())
    assert f"export EXIVO_API_SECRET={API_SECRET}\n" in lines
    assert tomllib.loads("".join(lines[2:10]))["connections"][0]["site_id"]
    assert "Traceback" not in said
    assert process.returncode in {0, 130}


@pytest.mark.parametrize("options", [["--headless"], []])
def test_the_demo_runs_by_itself(tmp_path: Path, options: list[str]) -> None:
    """A whole studio in a few seconds, and nothing is left behind; also where nobody sits at a terminal."""
    done = studiohub(tmp_path / "home", "demo", *options, "--members", "60", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("no terminal" in done.stderr) is (not options)
    assert "Everything was as it should be" in done.stdout
    assert API_SECRET not in done.stdout + done.stderr
    assert not (tmp_path / "home").exists()
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_exit_codes_is_kept() -> None:
    """The help of the module is what scripts are written by."""
    for code in ("0 well", "2 what was typed", "1 nothing could be done", "3 (something is held)", "4 (some records"):
        assert code in str(app_module.__doc__).replace("\n", " ")
