"""Finding plugins, and calling one of them or all of them: no plugin takes another one down."""

from __future__ import annotations

import asyncio
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import Plugin, grants, hookimpl, redact
from hub.connection import Connection
from hub.core import load_plugins
from hub.errors import FixRecord, PluginError, RetryLater, UserError, VendorError
from hub.events import RunFinished
from hub.hookspecs import OBSERVERS, VENDOR_HOOKS
from hub.plugins import Plugins, Trace
from hub.settings import HubSettings
from tests.harness import NOW
from tests.hub.fakes import Settings, connected, fake_plugin

GOOD = """
from hub import Ability, ConnectionSettings, Plugin, hookimpl

@hookimpl
def describe():
    return Plugin(name="acme", title="Acme Locks", kind="lock", settings=ConnectionSettings,
                  abilities=frozenset({Ability.LOCKS}))

@hookimpl
async def list_openings(connection):
    return [f"{connection.name}: front door"]
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a stranger's distribution: a module and a dist-info with an entry point, as pip leaves them."""
    monkeypatch.syspath_prepend(tmp_path)

    def add(code: str, *, name: str = "acme", module: str | None = None, version: str = "1.2") -> None:
        module = module or f"{name}_of_a_stranger"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code), encoding="utf-8")
        info = tmp_path / f"studiohub_{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: studiohub-{name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[studiohub.plugins]\n{name} = {module}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return add


# ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_strangers_plugin_is_found_as_ours_are(install: Install) -> None:
    """Installing the package is all that it takes."""
    install(GOOD)
    plugins = Plugins.discover()
    assert {"acme", "exivo", "files"} <= plugins.loaded.keys()
    assert (plugins.versions["acme"], plugins.broken) == ("studiohub-acme 1.2", [])
    assert await plugins.call(connected(plugins["acme"]), "list_openings") == ["door: front door"]


BAD = {
    "does-not-import": ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
    "does-not-parse": ("def describe(:", "SyntaxError"),
    "ends-the-process": ("import sys; sys.exit(7)", "SystemExit: 7"),
    "describes-nothing": ("x = 1", "has no describe()"),
    "describes-wrongly": (
        "from hub import hookimpl\n@hookimpl\ndef describe(): return {'name': 'acme'}",
        "must answer a hub.Plugin, not dict",
    ),
    "describes-in-a-coroutine": (
        "from hub import hookimpl\n@hookimpl\nasync def describe(): return None",
        "must answer a hub.Plugin, not coroutine",
    ),
    "describes-with-an-error": (
        "from hub import hookimpl\n@hookimpl\ndef describe(): return undefined_name",
        "describe() raised NameError: name 'undefined_name' is not defined",
    ),
    "calls-itself-otherwise": (GOOD.replace('name="acme"', 'name="other"'), "calls itself 'other'"),
    "misspells-a-hook": (
        GOOD.replace("def list_openings", "def list_opening"),
        "there is no hook 'list_opening'; did you mean 'list_openings'?",
    ),
    "misspells-describe": (GOOD.replace("def describe", "def descibe"), "did you mean 'describe'?"),
    "names-a-setting-it-has-not": (
        GOOD.replace("abilities=", 'read_where_set={"badge": "badge_feld"}, abilities='),
        "read_where_set names 'badge_feld', which is none of its settings",
    ),
    "asks-for-what-nobody-gives": (GOOD.replace("(connection)", "(connection, doors)"), "doors"),
}


@pytest.mark.parametrize(("code", "why"), BAD.values(), ids=BAD)
def test_a_broken_plugin_is_listed_and_stops_nobody(install: Install, code: str, why: str) -> None:
    """It is named with the reason, and the others are there."""
    install(code, name="acme")
    install(GOOD.replace('"acme"', '"zeta"'), name="zeta")
    plugins = Plugins.discover()
    assert [(one.name, one.distribution) for one in plugins.broken] == [("acme", "studiohub-acme 1.2")]
    assert why in plugins.broken[0].why
    assert {"zeta", "exivo", "files"} <= plugins.loaded.keys()
    assert "acme" not in plugins.loaded
    assert not plugins.has("acme", "list_openings")
    with pytest.raises(UserError, match="could not be loaded") as raised:
        plugins["acme"]
    assert why in raised.value.said


async def test_a_broken_plugin_hears_nothing(install: Install) -> None:
    """What failed to load is not called as an observer either."""
    install(
        """
        from hub import hookimpl
        @hookimpl
        def describe(): raise RuntimeError("no")
        @hookimpl
        async def run_finished(event): raise AssertionError("told")
        """
    )
    told: list[str] = []
    await Plugins.discover().tell("run_finished", EVENT, on_error=lambda name, error: told.append(name))
    assert told == []


def test_a_secret_that_a_broken_plugin_shows_is_masked(install: Install) -> None:
    """Its error is printed for everybody to see."""
    redact.know("s3cr3t-value")
    install("raise ValueError('with s3cr3t-value')")
    assert "s3cr3t" not in Plugins.discover().broken[0].why


def test_of_two_plugins_of_one_name_the_second_is_broken(install: Install) -> None:
    """Nobody can slip in under a name that is taken without its being said."""
    install(GOOD)
    install(GOOD, module="another_acme", version="9")
    plugins = Plugins.discover()
    assert "there is a plugin 'acme' already" in [one.why for one in plugins.broken]
    assert len(plugins.broken) == 1
    assert plugins["acme"].title == "Acme Locks"


def test_blocked_plugins_are_not_even_imported(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out when one of them takes the whole hub down."""
    install("raise AssertionError('imported')")
    monkeypatch.setenv("STUDIOHUB_BLOCK_PLUGINS", "acme, files ,, no-such")
    plugins = load_plugins(HubSettings())
    assert "files" not in plugins.loaded
    assert (plugins.broken, "acme_of_a_stranger" in sys.modules) == ([], False)


def test_a_source_whose_badges_stand_in_a_field_of_the_studios_own_says_which_setting_names_it() -> None:
    """So that nobody is told to enter there what the hub was not told to read."""
    plugins = Plugins.discover().loaded.values()
    asked = {plugin.name for plugin in plugins if "badge_field" in plugin.settings.model_fields}
    assert (
        asked
        == {plugin.name for plugin in plugins if "badge" in plugin.read_where_set}
        == {"anny", "bsport", "momence"}
    )
    [anny] = [plugin for plugin in plugins if plugin.name == "anny"]
    assert anny.unset_for("badge", {"badge_field": "Badge"}) is None
    assert anny.unset_for("member", {}) is None
    assert anny.unset_for("badge", {"badge_field": None}) == ("badge_field", "Custom field with the badge number")


def test_a_name_that_is_not_there_suggests_the_nearest() -> None:
    """A slip of the finger is put right at once."""
    with pytest.raises(UserError, match="Did you mean 'exivo'"):
        Plugins.discover()["exvio"]
    with pytest.raises(UserError, match=r"Installed: .*exivo.*files"):
        Plugins.discover()["something else"]


def test_registering_says_what_is_wrong() -> None:
    """An author's test sees the same sentences."""
    plugins = Plugins()

    @hookimpl
    async def grant_acces(connection: Connection, grant: grants.Grant) -> None: ...

    with pytest.raises(PluginError, match="did you mean 'grant_access'"):
        plugins.register(fake_plugin("acme", grant_acces=grant_acces))

    @hookimpl
    async def grant_access(connection: Connection, permit: grants.Grant) -> None: ...

    with pytest.raises(PluginError, match="permit"):
        plugins.register(fake_plugin("acme", grant_access=grant_access))
    plugins.register(fake_plugin("acme"))
    with pytest.raises(PluginError, match="already"):
        plugins.register(fake_plugin("acme"))
    assert list(plugins.loaded) == ["acme"]


def test_every_hook_of_the_contract_is_known() -> None:
    """Vendor hooks and observers are told apart by the specification alone."""
    assert {"verify", "read_records", "sync_members", "grant_access", "revoke_access", "fetch_metrics"} <= VENDOR_HOOKS
    assert not VENDOR_HOOKS & OBSERVERS
    assert "describe" not in VENDOR_HOOKS | OBSERVERS


# ── calling ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def two(**hooks: Callable[..., Any]) -> tuple[Plugins, Connection, list[str]]:
    """Plugins `one` with these hooks and `other` with hooks that must never be called; a connection of `one`."""
    wrong: list[str] = []

    def never(hook: str) -> Callable[..., Any]:
        @hookimpl
        async def called(connection: Connection) -> None:
            wrong.append(hook)

        return called

    plugins = Plugins()
    plugins.register(fake_plugin("other", **{hook: never(hook) for hook in hooks if hook not in OBSERVERS}))
    plugins.register(fake_plugin("one", **hooks))
    return plugins, connected(plugins["one"], settings=Settings()), wrong


async def test_a_hook_is_called_on_the_plugin_that_owns_the_connection_and_on_no_other() -> None:
    """A grant is never broadcast."""

    @hookimpl
    async def grant_access(connection: Connection, grant: str) -> str:
        return f"{connection.name}: {grant}"

    @hookimpl
    async def read_records(connection: Connection, window: Any) -> AsyncIterator[int]:
        yield 1

    plugins, connection, wrong = two(grant_access=grant_access, read_records=read_records)
    assert await plugins.call(connection, "grant_access", grant="x") == "door: x"
    assert [item async for item in plugins.read(connection, "read_records", window=None)] == [1]
    assert wrong == []


async def test_an_implementation_may_leave_out_what_it_does_not_need() -> None:
    """As the contract of hooks allows it."""

    @hookimpl
    async def revoke_access(grant: str) -> str:
        return grant

    @hookimpl
    async def verify() -> list[str]:
        return ["fine"]

    plugins, connection, _ = two(revoke_access=revoke_access, verify=verify)
    assert await plugins.call(connection, "revoke_access", grant="x") == "x"
    assert await plugins.call(connection, "verify") == ["fine"]


async def test_objects_can_be_plugins_too() -> None:
    """A plugin with a state of its own need not be a module."""

    class Acme:
        @hookimpl
        def describe(self) -> Plugin:
            return Plugin(name="acme", title="Acme", kind="lock", settings=Settings)

        @hookimpl
        async def verify(self, connection: Connection) -> Sequence[Any]:
            return [connection.name]

    plugins = Plugins()
    plugins.register(Acme())
    assert await plugins.call(connected(plugins["acme"]), "verify") == ["door"]


async def test_what_a_plugin_can_not_do_is_said() -> None:
    """A hook that is missing is no crash."""
    plugins, connection, _ = two()
    with pytest.raises(PluginError, match="plugin one does not implement fetch_metrics") as raised:
        await plugins.call(connection, "fetch_metrics")
    assert raised.value.code == "not_able"
    with pytest.raises(PluginError, match="does not implement"):
        await anext(plugins.read(connection, "read_records"))


@pytest.mark.parametrize("error", [RetryLater("busy", after=timedelta(seconds=9)), FixRecord("this one")])
async def test_vendor_errors_come_through_as_they_are(error: VendorError) -> None:
    """They say what has to happen next."""

    @hookimpl
    async def verify(connection: Connection) -> None:
        raise error

    plugins, connection, _ = two(verify=verify)
    with pytest.raises(VendorError) as raised:
        await plugins.call(connection, "verify")
    assert raised.value is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("s3cr3t-value is no number"),
        TimeoutError("s3cr3t-value was late"),
        ExceptionGroup("s3cr3t-value", [KeyError("x")]),
        UserError("s3cr3t-value"),
    ],
)
async def test_anything_else_is_a_mistake_of_the_plugin_told_without_secrets(error: Exception) -> None:
    """It names plugin and hook, and goes on as one error that the engine knows."""
    redact.know("s3cr3t-value")

    @hookimpl
    async def verify(connection: Connection) -> None:
        raise error

    @hookimpl
    async def read_records(connection: Connection, window: Any) -> AsyncIterator[int]:
        yield 1
        raise error

    plugins, connection, _ = two(verify=verify, read_records=read_records)
    with pytest.raises(PluginError, match="plugin one failed in verify") as raised:
        await plugins.call(connection, "verify")
    assert raised.value.code == "plugin_failed"
    assert type(error).__name__ in raised.value.said
    assert "s3cr3t" not in f"{raised.value} {raised.value!r}"
    async with aclosing(plugins.read(connection, "read_records", window=None)) as items:
        assert await anext(items) == 1
        with pytest.raises(PluginError, match="plugin one failed in read_records") as raised:
            await anext(items)
    assert "s3cr3t" not in f"{raised.value} {raised.value!r}"


async def test_a_hook_of_the_wrong_kind_is_a_mistake_of_the_plugin() -> None:
    """Neither a plain function nor a coroutine in the place of a generator brings the lane down."""

    @hookimpl
    def verify(connection: Connection) -> list[str]:
        return []

    @hookimpl
    async def read_records(connection: Connection, window: Any) -> list[str]:
        return []

    @hookimpl
    def observe_access(connection: Connection, only: Any) -> Any:
        raise ValueError("before it began")

    plugins, connection, _ = two(verify=verify, read_records=read_records, observe_access=observe_access)
    with pytest.raises(PluginError, match="failed in verify"):
        await plugins.call(connection, "verify")
    for hook, arguments in (("read_records", {"window": None}), ("observe_access", {"only": None})):
        with pytest.raises(PluginError, match=f"failed in {hook}"):
            await anext(plugins.read(connection, hook, **arguments))


async def test_a_call_that_takes_too_long_is_ended() -> None:
    """The plugin is told so that it can clean up, and the error names it."""
    ended: list[str] = []

    @hookimpl
    async def verify(connection: Connection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("verify")

    @hookimpl
    async def read_records(connection: Connection, window: Any) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            ended.append("read_records")

    plugins, connection, _ = two(verify=verify, read_records=read_records)
    plugins.timeout = 0.01
    with pytest.raises(PluginError, match=r"plugin one: verify for door took longer than 0.01 s") as raised:
        await plugins.call(connection, "verify")
    assert raised.value.code == "plugin_timeout"
    with pytest.raises(PluginError, match=r"read_records for door gave nothing for 0.01 s"):
        async for _item in plugins.read(connection, "read_records", window=None):
            pass
    assert ended == ["verify", "read_records"]


async def test_a_call_can_be_given_its_own_time() -> None:
    """Where somebody waits at a screen."""

    @hookimpl
    async def verify(connection: Connection) -> None:
        await asyncio.Event().wait()

    plugins, connection, _ = two(verify=verify)
    with pytest.raises(PluginError, match=r"longer than 0.02 s"):
        await plugins.call(connection, "verify", timeout=0.02)


async def test_a_call_that_is_cancelled_is_cancelled() -> None:
    """Ctrl+C is no mistake of the plugin."""
    started = asyncio.Event()

    @hookimpl
    async def verify(connection: Connection) -> None:
        started.set()
        await asyncio.Event().wait()

    plugins, connection, _ = two(verify=verify)
    task = asyncio.create_task(plugins.call(connection, "verify"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("how", ["break", "error"])
async def test_a_reading_hook_is_closed_when_its_reader_leaves(how: str) -> None:
    """Its connection is closed then, not when somebody collects the garbage."""
    closed: list[str] = []

    @hookimpl
    async def read_records(connection: Connection, window: Any) -> AsyncIterator[int]:
        try:
            for number in range(100):
                yield number
        finally:
            await asyncio.sleep(0)
            closed.append("closed")
            raise ValueError("while cleaning up")

    async def take() -> None:
        async with aclosing(plugins.read(connection, "read_records", window=None)) as items:
            async for item in items:
                if item == 2 and how == "break":
                    break
                if item == 2:
                    raise KeyError("the reader's own")

    plugins, connection, _ = two(read_records=read_records)
    if how == "break":
        await take()
    else:
        with pytest.raises(KeyError):
            await take()
    assert closed == ["closed"]


# ── observers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

EVENT = RunFinished(at=NOW, run_id="r1", connection="door", state="done", counts={})


async def test_everybody_is_told_and_nobody_stops_the_others() -> None:
    """An observer that fails, hangs or is no coroutine is reported by its name; the rest hear the event."""
    heard: list[str] = []
    errors: dict[str, Exception] = {}

    @hookimpl
    async def well(event: RunFinished) -> None:
        heard.append(event.run_id)

    @hookimpl
    async def fails(event: RunFinished) -> None:
        raise KeyError("no")

    @hookimpl
    async def hangs(event: RunFinished) -> None:
        await asyncio.Event().wait()

    @hookimpl
    def plain(event: RunFinished) -> None:
        heard.append("plain")

    @hookimpl
    async def curious() -> None:
        heard.append("without the event")

    plugins = Plugins(timeout=0.01)
    for name, hook in {"a": well, "b": fails, "c": hangs, "d": plain, "e": curious, "f": well}.items():
        plugins.register(fake_plugin(name, run_finished=hook))
    plugins.register(fake_plugin("silent"))
    await plugins.tell("run_finished", EVENT, on_error=errors.__setitem__)
    assert sorted(heard) == ["plain", "r1", "r1", "without the event"]
    assert {name: type(error) for name, error in errors.items()} == {"b": KeyError, "c": TimeoutError, "d": TypeError}


async def test_a_vendor_hook_can_not_be_broadcast() -> None:
    """Not even by mistake."""
    with pytest.raises(ValueError, match="not an observer hook"):
        await Plugins().tell("grant_access", None, on_error=lambda name, error: None)


# ── the trace ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_trace_prints_every_call_without_secrets() -> None:
    """Arguments, results and errors, each on one line, with how long it took."""
    redact.know("s3cr3t-value")
    lines: list[str] = []

    @hookimpl
    async def verify(connection: Connection) -> dict[str, str]:
        return {"api_key": "hunter2", "note": "s3cr3t-value"}

    @hookimpl
    async def grant_access(connection: Connection, grant: Any) -> None:
        raise RetryLater("down", said="s3cr3t-value")

    @hookimpl
    async def revoke_access(connection: Connection, grant: Any) -> None:
        raise ValueError("s3cr3t-value")

    @hookimpl
    async def read_records(connection: Connection, window: Any) -> AsyncIterator[int]:
        yield 1
        yield 2

    plugins, connection, _ = two(
        verify=verify, grant_access=grant_access, revoke_access=revoke_access, read_records=read_records
    )
    plugins.trace = Trace(lines.append)
    grant = {"code": 482913, "who": "Anna", "note": "s3cr3t-value", "long": "x" * 2000}
    await plugins.call(connection, "verify")
    for hook in ("grant_access", "revoke_access"):
        with pytest.raises((VendorError, PluginError)):
            await plugins.call(connection, hook, grant=grant)
    assert [item async for item in plugins.read(connection, "read_records", window="w")] == [1, 2]
    async with aclosing(plugins.read(connection, "read_records", window="w")) as items:
        await anext(items)
    assert [line.partition(" in ")[0].partition("→")[2].strip() for line in lines[1:]] == [
        "RetryLater: down",
        "ValueError",
        "2 items",
        "broke off",
    ]
    assert lines[0].startswith("hook one.verify() → {'api_key': '•••', 'note': '•••'} in ")
    assert "Anna" in lines[1]
    for line in lines:
        assert line.endswith(" ms")
        assert len(line) < 600
        assert not any(secret in line for secret in ("s3cr3t", "482913", "hunter2"))


async def test_the_trace_switch_prints_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`STUDIOHUB_TRACE_PLUGINS` leaves standard output to the result."""
    monkeypatch.setenv("STUDIOHUB_TRACE_PLUGINS", "1")
    plugins = load_plugins(HubSettings())

    @hookimpl
    async def verify(connection: Connection) -> list[str]:
        return ["fine"]

    plugins.register(fake_plugin("acme", verify=verify))
    await plugins.call(connected(plugins["acme"]), "verify")
    printed = capsys.readouterr()
    assert "hook acme.verify() → ['fine'] in" in printed.err
    assert printed.out == ""
    assert load_plugins(HubSettings(trace_plugins=False)).trace is None
