"""Settings of the installation, and of every connection."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from hub import ConnectionSettings, redact
from hub.cli import opened
from hub.errors import UserError
from hub.settings import HubSettings, TargetOptions, duration, duration_text


def secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


# ── the installation ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container needs no file."""
    for name, value in {
        "HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://hub@db/studio",
        "KEY": "a-key",
        "SMTP_URL": "smtp://mail.test",
        "STUDIO": "Nordlicht",
        "TRACE_PLUGINS": "true",
        "BLOCK_PLUGINS": "anny",
        "SOMETHING_ELSE": "is left alone",
    }.items():
        monkeypatch.setenv(f"STUDIOHUB_{name}", value)
    made = HubSettings()
    assert (made.home, made.studio, made.trace_plugins, made.block_plugins) == (tmp_path, "Nordlicht", True, "anny")
    assert secret(made.database_url) == "postgresql://hub@db/studio"
    assert (secret(made.key), secret(made.smtp_url)) == ("a-key", "smtp://mail.test")


def test_without_a_word_the_home_is_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SQLite, the key file, and nothing is sent anywhere."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    made = HubSettings()
    assert made.home == tmp_path / "studiohub"
    assert (made.database_url, made.key, made.smtp_url, made.studio, made.trace_plugins) == (
        None,
        None,
        None,
        None,
        False,
    )


def test_a_value_can_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As orchestrators mount secrets; the line break at its end is not part of it."""
    (tmp_path / "url").write_text("postgresql://hub:p4ssw0rd@db/studio\n")
    monkeypatch.setenv("STUDIOHUB_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert secret(HubSettings().database_url) == "postgresql://hub:p4ssw0rd@db/studio"
    assert "p4ssw0rd" not in redact.mask("no entry for p4ssw0rd")


@pytest.mark.parametrize(
    ("given_there", "expected"),
    [
        ({"init": "i", "env": "e", "file": "f"}, "i"),
        ({"env": "e", "file": "f"}, "e"),
        ({"file": "f"}, "f"),
        ({"env": "", "file": "f"}, "f"),
        ({"env": ""}, None),
        ({}, None),
    ],
)
def test_what_is_nearer_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given_there: dict[str, str], expected: str | None
) -> None:
    """The program, then the environment, then a file; a variable that is set to nothing is not set."""
    if "env" in given_there:
        monkeypatch.setenv("STUDIOHUB_STUDIO", given_there["env"])
    if "file" in given_there:
        (tmp_path / "studio").write_text(given_there["file"])
        monkeypatch.setenv("STUDIOHUB_STUDIO_FILE", str(tmp_path / "studio"))
    options = {"studio": given_there["init"]} if "init" in given_there else {}
    assert HubSettings(**options).studio == expected


@pytest.mark.parametrize(
    ("content", "why"), [(None, "can't be read"), (b"\xff\xfe", "can't be read"), (b" \n", "is empty")]
)
def test_a_file_that_can_not_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, why: str
) -> None:
    """The error says which variable and which file."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("STUDIOHUB_KEY_FILE", str(path))
    with pytest.raises(UserError, match=f"STUDIOHUB_KEY_FILE names {path}.* {why}"):
        HubSettings()


def test_a_value_that_can_not_be_used_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the name that it has inside the program."""
    monkeypatch.setenv("STUDIOHUB_TRACE_PLUGINS", "perhaps")
    with pytest.raises(UserError, match="STUDIOHUB_TRACE_PLUGINS"):
        opened.settings()


def test_the_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Service managers and `--home=~/hub` leave it as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STUDIOHUB_HOME", "~/hub")
    assert HubSettings().home == tmp_path / "hub"


def test_secrets_are_not_shown_and_known_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings object can be printed, and so can an error that quotes one of its values."""
    monkeypatch.setenv("STUDIOHUB_SMTP_URL", "smtp://user:p4ssw0rd@mail.test")
    monkeypatch.setenv("STUDIOHUB_KEY", "the-sealing-key")
    shown = repr(HubSettings())
    assert "p4ssw0rd" not in shown
    assert "the-sealing-key" not in shown
    assert "the-sealing-key" not in redact.mask("with the-sealing-key")
    assert "p4ssw0rd" not in redact.mask("535 p4ssw0rd is wrong")


# ── lengths of time ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "seconds", "shown"),
    [
        ("90s", 90, "90s"),
        (" 15 m ", 900, "15m"),
        ("2h", 7200, "2h"),
        ("1d", 86400, "1d"),
        ("1.5h", 5400, "90m"),
        ("60s", 60, "1m"),
        ("7d", 604800, "7d"),
        (45, 45, "45s"),
        (0.25, 0.25, "0.25s"),
        ("14.288981481d", 1234567.999958, "1234567.999958s"),
    ],
)
def test_a_length_of_time_is_written_as_people_do(written: Any, seconds: float, shown: str) -> None:
    """And shown in the largest unit that fits."""
    assert duration(written) == timedelta(seconds=seconds)
    assert duration_text(duration(written)) == shown


@given(st.timedeltas(timedelta(0), timedelta(days=10_000)))
def test_a_length_of_time_survives_the_way_through_text(length: timedelta) -> None:
    """To the microsecond, and without exponents."""
    assert duration(duration_text(length)) == length


@pytest.mark.parametrize(
    "value",
    ["", "15", "m", "-5m", "15 minutes", "1h30m", True, None, [], "99999999999d", float("inf"), float("nan"), 1e300],
)
def test_what_is_no_length_of_time_is_a_value_error(value: Any) -> None:
    """Whatever a TOML file can hold."""
    with pytest.raises(ValueError, match="length of time"):
        duration(value)


# ── connections ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Vendor(ConnectionSettings):
    """One of each."""

    site: str
    token: SecretStr
    password: SecretStr | None = None
    folder: Path | None = None


def test_settings_of_a_connection_survive_the_way_through_the_database() -> None:
    """All but the secrets, which are sealed apart."""
    made = Vendor.model_validate(
        {
            "site": "7",
            "token": "t0ken",
            "every": "90m",
            "requests_per_second": 0.5,
            "base_url": "http://h:1/v1/",
            "folder": "/x",
        }
    )
    stored = made.model_dump(mode="json", exclude=set(made.secret_names()))
    assert stored == {
        "site": "7",
        "every": "90m",
        "requests_per_second": 0.5,
        "base_url": "http://h:1/v1",
        "folder": "/x",
    }
    assert Vendor.model_validate({**stored, **made.secrets()}) == made


def test_secrets_are_told_by_their_type() -> None:
    """Optional ones too; one that was not given has no value."""
    assert Vendor.secret_names() == {"token", "password"}
    assert Vendor(site="7", token=SecretStr("t0ken")).secrets() == {"token": "t0ken"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("base_url", value)
            for value in ("h.test", "ftp://h", "http://", "http://[h", "http://h:99999", "http://h:0")
        ],
        *[("base_url", value) for value in ("http://u:p@h", "https://token@h", "http://h?x=1", "http://h/#top")],
        *[("every", value) for value in (0, "0s", -5, "soon", float("inf"))],
        *[("requests_per_second", value) for value in (0, -1, float("inf"), float("nan"), "fast")],
        ("no_such", 1),
    ],
)
def test_what_no_connection_can_use_is_refused(name: str, value: Any) -> None:
    """An address that goes nowhere or would hold a login in clear, a lane that never sleeps, a pace that is none."""
    with pytest.raises(ValidationError) as raised:
        ConnectionSettings.model_validate({name: value})
    assert [error["loc"] for error in raised.value.errors()] == [(name,)]


@pytest.mark.parametrize("address", ["http://h", "https://h:8443/v1", "http://127.0.0.1:8081/v1", "http://[::1]:80"])
def test_an_address_is_taken_with_or_without_a_slash(address: str) -> None:
    """Paths are put behind it."""
    assert (
        ConnectionSettings(base_url=f"{address}/").base_url == ConnectionSettings(base_url=address).base_url == address
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"policy": "everything"},
        {"policy": "sync", "protect": ["4711"]},
        {"policy": "sync", "hold_removals_above": {"count": -1}},
        {"policy": "sync", "hold_removals_above": {"percent": 101}},
        {"policy": "sync", "hold_removals_above": {"share": 10}},
        {"policy": "sync", "hold_removals_above": 5},
    ],
)
def test_what_no_target_can_use_is_refused(options: dict[str, Any]) -> None:
    """The policy has to be chosen, and limits are limits."""
    with pytest.raises(ValidationError):
        TargetOptions.model_validate(options)
