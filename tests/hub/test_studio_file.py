"""The studio file: what may stand in it, and what is said where something is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.errors import UserError
from hub.plugins import Plugins
from hub.studio.file import parse
from hub.studio.model import CommunityRow, LinkRow, PassRow, ResourceRow, RoomRow, StudioSection
from tests.hub.studio_files import DESIGN, SMALL, Write


def problems(path: Path, plugins: Plugins) -> list[str]:
    with pytest.raises(UserError) as raised:
        parse(path, plugins)
    assert raised.value.code == "studio_file"
    return raised.value.what.splitlines()


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_of_the_design_is_read_whole(folder: Path, write: Write, plugins: Plugins) -> None:
    """Every table and every key of it."""
    file = parse(write(DESIGN), plugins)
    assert file.studio == StudioSection(name="Studio Nordlicht", timezone="Europe/Zurich", language="de")
    specs = {spec.name: spec for spec in file.connections}
    assert list(specs) == ["desk", "door", "anny", "bsport", "momence", "spivi"]
    assert specs["desk"].settings.path == folder / "export"  # type: ignore[attr-defined]
    assert specs["desk"].options is None
    door = specs["door"]
    assert door.settings.secrets() == {"api_secret": "exivo-s3cr3t"}
    assert (door.settings.requests_per_second, str(door.settings.every)) == (2, "0:15:00")
    assert door.options is not None
    assert (door.options.policy, door.options.protect) == ("sync", ["desk:4711"])
    assert (door.options.hold_removals_above.count, door.options.hold_removals_above.percent) == (5, 10)
    assert door.origins == {"api_secret": {"env": "EXIVO_SECRET"}}
    assert specs["anny"].settings.secrets() == {"access_token": "anny-s3cr3t"}
    assert specs["anny"].origins == {"access_token": {"file": str(folder / "token.txt")}}
    assert file.rows == {
        "passes": [PassRow(source="desk", passes=["abo-12", "abo-12-sauna"], target="door", group="AG-1", priority=1)],
        "resources": [
            ResourceRow(
                source="anny",
                resource=["r-7"],
                target="door",
                locks=["C-1", "C-2"],
                minutes_before=15,
                minutes_after=15,
            )
        ],
        "communities": [CommunityRow(source="anny", community=["c-1"], target="door", locks=["C-1"])],
        "rooms": [RoomRow(source="bsport", room_plan="ride", target="spivi", box="4471", seats={"1": "1", "2": "2"})],
        "links": [LinkRow(member="momence:812", target="spivi", id="99812")],
    }


@pytest.mark.parametrize("how", ["bom", "crlf", "part", "nothing"])
def test_files_as_editors_leave_them_are_read(write: Write, plugins: Plugins, how: str) -> None:
    """A mark at the start, line ends of another system, a file with one table only, an empty one."""
    text = {
        "bom": "\ufeff" + SMALL,
        "crlf": SMALL.replace("\n", "\r\n"),
        "part": SMALL.partition("[[")[0],
        "nothing": "",
    }
    file = parse(write(text[how]), plugins)
    assert (file.studio is None) == (how == "nothing")
    assert len(file.connections) == (2 if how in {"bom", "crlf"} else 0)


def test_a_relative_path_is_taken_from_the_file(
    folder: Path, write: Write, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from wherever the command is typed; and it is the same however the file is named."""
    write(DESIGN.replace('"export"', '"../export"'))
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    named = [parse(Path(name), plugins) for name in ("../studio.toml", str(folder / "studio.toml"))]
    for file in named:
        assert file.connections[0].settings.path == folder.parent / "export"  # type: ignore[attr-defined]
        assert file.connections[2].origins == {"access_token": {"file": str(folder / "token.txt")}}


def change(before: str, after: str, text: str = DESIGN) -> str:
    """The file with one place changed."""
    assert before in text
    return text.replace(before, after, 1)


WRONG = {
    "table-named-as-its-key": (
        change("[[resources]]", "[[resource]]"),
        "[[resource]]",
        "unknown table 'resource'; did you mean 'resources'?",
    ),
    "table": (change("[[passes]]", "[[pases]]"), "[[pases]]", "unknown table 'pases'; did you mean 'passes'?"),
    "studio-key": (
        change("language =", "langage ="),
        "langage",
        "[studio]: unknown key 'langage'; did you mean 'language'?",
    ),
    "connection-key": (
        change("requests_per_second =", "request_per_second ="),
        "request_per",
        "[[connections]] 'door': unknown key 'request_per_second'; did you mean 'requests_per_second'?",
    ),
    "option-key": (change("protect =", "protekt ="), "protekt", "unknown key 'protekt'; did you mean 'protect'?"),
    "inner-key": (
        change("count = 5", "cout = 5"),
        "hold_removals_above",
        "unknown key 'hold_removals_above.cout'; did you mean 'count'?",
    ),
    "passes-key": (change("priority =", "prio ="), "prio", "[[passes]]: unknown key 'prio'; did you mean 'priority'?"),
    "resources-key": (
        change("minutes_before =", "minute_before ="),
        "minute_before",
        "[[resources]]: unknown key 'minute_before'; did you mean 'minutes_before'?",
    ),
    "communities-key": (
        change('community = "c-1"', 'community = "c-1"\ncredentials = "code"'),
        "credentials",
        "[[communities]]: unknown key 'credentials'; did you mean 'credential'?",
    ),
    "rooms-key": (change("seats =", "seat ="), "seat =", "[[rooms]]: unknown key 'seat'; did you mean 'seats'?"),
    "links-key": (
        change('id = "99812"', 'id = "99812"\nmembers = 1'),
        "members",
        "[[links]]: unknown key 'members'; did you mean 'member'?",
    ),
    "nothing-near": (
        change("language =", "xyz ="),
        "xyz",
        "unknown key 'xyz'; valid: admin_email, language, name, timezone",
    ),
    "zone": (change("Europe/Zurich", "Europe/Zürich"), "timezone", "'Europe/Zürich' is not a time zone"),
    "language": (change('"de"', '"fr"'), "language", "language must be 'de' or 'en'"),
    "no-name": (change('name = "Studio Nordlicht"\n', ""), "[studio]", "[studio]: name is missing"),
    "empty-name": (change('"Studio Nordlicht"', '""'), "name", "[studio]: name must not be empty"),
    "studio-is-a-list": (change("[studio]", "[[studio]]"), "[[studio]]", "[studio] must be a table"),
    "connections-is-a-table": (
        '[connections]\nname = "x"\n',
        "[connections]",
        "write [[connections]], once for each row",
    ),
    "passes-is-text": ('passes = "all"\n', "passes", "write [[passes]], once for each row"),
    "connection-name": (
        change('name = "door"', 'name = "the door"'),
        'name = "the door"',
        "name is letters, digits, - and _",
    ),
    "connection-without-name": (
        change('name = "door"\n', ""),
        '[[connections]]\nplugin = "exivo"',
        "[[connections]]: name is letters",
    ),
    "twice": (
        change('name = "door"', 'name = "desk"'),
        'name = "desk"\nplugin = "exivo"',
        "[[connections]] 'desk': the name stands there twice",
    ),
    "no-plugin": (
        change('plugin = "exivo"\n', ""),
        '[[connections]]\nname = "door"',
        "[[connections]] 'door': plugin is missing",
    ),
    "plugin-is-a-number": (change('plugin = "exivo"', "plugin = 7"), "plugin = 7", "plugin must be text"),
    "unknown-plugin": (
        change('plugin = "exivo"', 'plugin = "exvio"'),
        '"exvio"',
        "there is no plugin 'exvio'. Did you mean 'exivo'?",
    ),
    "setting-missing": (
        change('site_id = "site-1"\n', ""),
        '[[connections]]\nname = "door"',
        "[[connections]] 'door': site_id is missing",
    ),
    "setting-of-the-wrong-type": (change('"site-1"', "7"), "site_id", "site_id must be text"),
    "secret-of-the-wrong-type": (change('{ env = "EXIVO_SECRET" }', "7"), "api_secret", "api_secret must be text"),
    "address": (
        change("http://127.0.0.1:8081/v1", "127.0.0.1:8081"),
        "base_url",
        "must be an address that starts with http",
    ),
    "address-with-login": (change("http://127", "http://u:hunter2@127"), "base_url", "without a login"),
    "length-of-time": (change('"15m"\n', '"soon"\n'), 'every = "soon"', 'write a length of time as "90s"'),
    "pace": (
        change("requests_per_second = 2 ", "requests_per_second = 0 "),
        "requests_per_second",
        "must be greater than 0",
    ),
    "policy-missing": (
        change('policy = "sync"  ', "#"),
        '[[connections]]\nname = "door"',
        'policy is missing: choose "sync", "grant_only" or "observe"',
    ),
    "policy": (
        change('policy = "sync"  ', 'policy = "all"  '),
        'policy = "all"',
        "policy must be 'sync', 'grant_only' or 'observe'",
    ),
    "limit": (change("{ count = 5, percent = 10 }", "5"), "hold_removals_above", "hold_removals_above must be a table"),
    "limit-value": (
        change("count = 5", "count = -5"),
        "hold_removals_above",
        "hold_removals_above.count must be greater than",
    ),
    "member": (change('["desk:4711"]', '["4711"]'), "protect", "write a member as \"connection:id\", not '4711'"),
    "option-of-a-source": (
        change('path = "export"', 'path = "export"\npolicy = "sync"'),
        'policy = "sync"',
        "'policy' is for locks and trackers; CSV files is only read",
    ),
    "group-and-locks": (
        change('group = "AG-1"', 'group = "AG-1"\nlocks = ["C-1"]'),
        "[[passes]]",
        "say what the pass opens: group, or locks",
    ),
    "neither-group-nor-locks": (change('group = "AG-1"', ""), "[[passes]]", "say what the pass opens: group, or locks"),
    "no-pass": (change('pass = ["abo-12", "abo-12-sauna"]', "pass = []"), "pass =", "pass must not be empty"),
    "pass-is-a-number": (change('pass = ["abo-12", "abo-12-sauna"]', "pass = [12]"), "pass =", "pass.0 must be text"),
    "minutes": (
        change("minutes_before = 15", "minutes_before = 1.5"),
        "minutes_before",
        "minutes_before must be a whole number",
    ),
    "credential": (
        change('credential = "both"', 'credential = "key"'),
        "credential",
        "credential must be 'code', 'link' or 'both'",
    ),
    "room-and-location": (
        change('room_plan = "ride"', 'room_plan = "ride"\nlocation = "l"'),
        "[[rooms]]",
        "name the room: room_plan, or location",
    ),
    "seats": (change('{ "1" = "1", "2" = "2" }', '["1"]'), "seats", "seats must be a table"),
    "send": (change("send = true", 'send = "perhaps"'), "send", "send must be true or false"),
    "link-member": (change('"momence:812"', '"812"'), "member =", "write a member as \"connection:id\", not '812'"),
    "unknown-source": (
        change('source = "desk"', 'source = "dsk"'),
        'source = "dsk"',
        "[[passes]]: there is no connection 'dsk'; did you mean 'desk'?",
    ),
    "unknown-target": (
        change('target = "door"', 'target = "gate"'),
        'target = "gate"',
        "[[passes]]: there is no connection 'gate'; valid: anny, bsport, desk",
    ),
    "unknown-member": (
        change('"momence:812"', '"momense:812"'),
        "member =",
        "[[links]]: there is no connection 'momense'; did you mean 'momence'?",
    ),
    "target-is-a-source": (
        change('target = "door"', 'target = "anny"'),
        'target = "anny"',
        "'anny' is not a connection that is written to",
    ),
    "source-is-a-target": (
        change('source = "desk"', 'source = "spivi"'),
        'source = "spivi"',
        "'spivi' is not a connection that is read from",
    ),
    "env-missing": (
        change("EXIVO_SECRET", "NOT_SET_ANYWHERE"),
        "api_secret",
        "api_secret: the environment has no NOT_SET_ANYWHERE",
    ),
    "file-missing": (change("token.txt", "missing.txt"), "access_token", "missing.txt can't be read"),
}


@pytest.mark.parametrize(("text", "place", "what"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    write: Write, plugins: Plugins, text: str, place: str, what: str
) -> None:
    """It points to where it stands; a connection that has one does not make those who name it wrong."""
    said = [one for one in problems(write(text), plugins) if what in one]
    assert [one.partition(": ")[0] for one in said] == [
        f"studio.toml line {text[: text.index(place)].count(chr(10)) + 1}"
    ]
    assert "hunter2" not in said[0]


def test_line_and_key_are_found_in_tables_of_any_form(write: Write, plugins: Plugins) -> None:
    """Dotted keys, tables below tables, quoted keys, comments and odd characters don't move the lines."""
    text = SMALL.replace('name = "desk"', 'name = "desk" # \u2028 \x85') + (
        'hold_removals_above.count = "x"\n\n[[connections]]\n"name" = "other"\nplugin = "spivi"\nsite_id = "1"\n'
        'password = "s3cr3t"\npolicy = "sync"\n  [ connections.hold_removals_above ] # below\n  percent = "y"\n'
    )
    lines = write(text).read_text(encoding="utf-8").split("\n")
    said = problems(write(text), plugins)
    assert [int(one.split()[2].rstrip(":")) for one in said] == [
        lines.index('hold_removals_above.count = "x"') + 1,
        lines.index("  [ connections.hold_removals_above ] # below") + 1,
    ]


def test_all_problems_are_told_at_once_in_their_order(write: Write, plugins: Plugins) -> None:
    """One run shows everything that has to be mended."""
    text = DESIGN
    for before, after in (
        ("language =", "langage ="),
        ('plugin = "exivo"', 'plugin = "exvio"'),
        ('site_id = "4471"', "site_id = 4471"),
        ("priority = 1", 'priority = "high"'),
        ("minutes_after = 15", "minutes_after = -1"),
        ('member = "momence:812"', 'member = "812"'),
        ("[[rooms]]", "[[room]]"),
    ):
        text = change(before, after, text)
    said = problems(write(text), plugins)
    assert len(said) == 7
    numbers = [int(one.split()[2].rstrip(":")) for one in said]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("content", "what", "said"),
    [
        (b"[studio\n", "is not valid TOML", "line 1"),
        (b"a = 1\na = 2\n", "is not valid TOML", "line 2"),
        (b"\x00", "is not valid TOML", ""),
        ("name = 'Zürich'".encode("latin-1"), "is not UTF-8 (byte 10)", ""),
        ("[studio]".encode("utf-16"), "is not UTF-8", ""),
        (None, "can't be read", "No such file"),
    ],
)
def test_what_is_no_studio_file_is_said_so(
    folder: Path, plugins: Plugins, content: bytes | None, what: str, said: str
) -> None:
    """In the words of whoever knows."""
    path = folder / "studio.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(what)) as raised:
        parse(path, plugins)
    assert said in raised.value.said
    assert raised.value.code == "studio_file"


def test_a_folder_is_no_studio_file(folder: Path, plugins: Plugins) -> None:
    """And no traceback."""
    with pytest.raises(UserError, match="can't be read"):
        parse(folder, plugins)


@pytest.mark.parametrize(
    ("secret", "what"),
    [
        ('{ env = "EMPTY" }', "api_secret: the environment has an empty EMPTY"),
        ('{ file = "empty.txt" }', "is empty"),
        ('{ file = "binary" }', "can't be read"),
        ('{ envv = "EXIVO_SECRET" }', "api_secret must be text"),
        ('{ env = "EXIVO_SECRET", file = "x" }', "api_secret must be text"),
    ],
)
def test_a_secret_that_leads_to_nothing_is_told_once(
    folder: Path, write: Write, plugins: Plugins, monkeypatch: pytest.MonkeyPatch, secret: str, what: str
) -> None:
    """A container whose secret was not filled in does not connect with an empty one."""
    monkeypatch.setenv("EMPTY", "")
    (folder / "empty.txt").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    (said,) = problems(write(change('{ env = "EXIVO_SECRET" }', secret)), plugins)
    assert what in said


def test_a_secret_in_the_file_itself_is_never_repeated(write: Write, plugins: Plugins) -> None:
    """It may stand there; a mistake beside it does not print it."""
    text = change('{ env = "EXIVO_SECRET" }', '"hunter2-in-clear"')
    assert parse(write(text), plugins).connections[1].settings.secrets() == {"api_secret": "hunter2-in-clear"}
    text = change('site_id = "site-1"', 'site_id = "hunter2-in-clear"\nsite = 7', text)
    assert "hunter2" not in "".join(problems(write(text), plugins))


def test_rows_may_refer_to_connections_that_exist_already(write: Write, plugins: Plugins) -> None:
    """A file with one table adds to a studio that is there."""
    path = write('[[links]]\nmember = "desk:1"\ntarget = "door"\nid = "x"\n')
    assert "there is no connection" in problems(path, plugins)[0]
    assert len(parse(path, plugins, known={"desk": "files", "door": "exivo"}).rows["links"]) == 1
