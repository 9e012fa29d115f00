"""Settings: of the installation (environment), and the base of every connection's.

The environment speaks for the installation (`STUDIOHUB_*`, or `STUDIOHUB_*_FILE` naming a file that holds the value);
the studio file and the database speak for connections and mapping tables.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hub import redact
from hub.errors import UserError

__all__ = [
    "ConnectionSettings",
    "HoldLimit",
    "HubSettings",
    "Policy",
    "TargetOptions",
    "duration",
    "duration_text",
]

Policy = Literal["sync", "grant_only", "observe"]
"""How far the hub may go at a target: everything; never remove; never write."""

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|h|d)\s*$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(value: Any) -> Any:
    """A length of time written as `90s`, `15m`, `2h` or `1d` (or seconds as a number)."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (match := _DURATION.match(value)):
        seconds = float(match[1]) * _UNITS[match[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    else:
        raise ValueError('write a length of time as "90s", "15m", "2h" or "1d"')
    try:
        return timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise ValueError(f"{value} is no length of time") from None


def duration_text(length: timedelta) -> str:
    """The reverse of `duration`, in the largest unit that fits."""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(length, timedelta(seconds=_UNITS[unit]))
        if count and not rest:
            return f"{count}{unit}"
    return f"{length.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"


Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(duration_text, when_used="json")]


class HoldLimit(BaseModel):
    """Removals of one pass are held when there are more than `count` and more than `percent` of what the hub owns at
    the target."""

    model_config = ConfigDict(extra="forbid")
    count: int = Field(5, ge=0)
    percent: float = Field(10, ge=0, le=100)


class TargetOptions(BaseModel):
    """What every target takes besides its vendor's settings."""

    model_config = ConfigDict(extra="forbid")
    policy: Policy
    hold_removals_above: HoldLimit = HoldLimit()
    protect: list[str] = []

    @field_validator("protect")
    @classmethod
    def _members(cls, value: list[str]) -> list[str]:
        for member in value:
            if ":" not in member:
                raise ValueError(f'write a member as "connection:id", not {member!r}')
        return value


class ConnectionSettings(BaseModel):
    """Base of every plugin's settings: subclass it with the vendor's own words, secrets as `SecretStr`.

    `base_url` replaces the vendor's address (another host, a simulator). `every` is how often the lane wakes by itself.
    """

    model_config = ConfigDict(extra="forbid")
    base_url: str | None = None
    every: Duration | None = None
    requests_per_second: float | None = Field(None, gt=0, allow_inf_nan=False)

    @field_validator("every")
    @classmethod
    def _some_time(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value <= timedelta(0):
            raise ValueError("must be longer than zero")
        return value

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.scheme not in {"http", "https"}:
            raise ValueError("must be an address that starts with http:// or https://")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("must be an address without a login, query or fragment")
        return value.rstrip("/")

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        """The names of the settings that are secrets."""
        return frozenset(name for name, info in cls.model_fields.items() if _is_secret(info.annotation))

    def secrets(self) -> dict[str, str]:
        """The secret values by name, for sealing."""
        values = {name: getattr(self, name) for name in self.secret_names()}
        return {name: value.get_secret_value() for name, value in values.items() if value is not None}


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())


class _FileSource(PydanticBaseSettingsSource):
    """Reads `STUDIOHUB_NAME_FILE`: the setting is what the named file holds."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        variable = f"STUDIOHUB_{field_name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise UserError(f"{variable} names {path}, which can't be read", said=str(error)) from error
        if not text:
            raise UserError(f"{variable} names {path}, which is empty")
        return text, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(info, name)[0] for name, info in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def default_home() -> Path:
    """The platform's data directory for studiohub."""
    return Path(platformdirs.user_data_dir("studiohub", appauthor=False))


class HubSettings(BaseSettings):
    """The installation's settings. Each can also come from a file: `STUDIOHUB_KEY_FILE` and so on."""

    model_config = SettingsConfigDict(env_prefix="STUDIOHUB_", env_ignore_empty=True, extra="ignore")

    home: Path = Field(default_factory=default_home)
    """Folder of the database and the key file."""
    database_url: SecretStr | None = None
    """PostgreSQL as `postgresql://user@host/name`; without it, SQLite in the home folder."""
    key: SecretStr | None = None
    """Key (or keys, newest first, separated by commas) that seals secrets; without it, the key file in the home."""
    smtp_url: SecretStr | None = None
    """Where mail goes out: `smtp://user:secret@host:port`. Without it, mails wait in the outbox."""
    studio: str | None = None
    """Which studio of the database to work on, where there are several."""
    listen: str | None = None
    """Where the daemon serves webhooks, health and metrics: `host:port`; without it, 127.0.0.1:8710."""
    public_url: str | None = None
    """The address under which vendors and members reach what the daemon serves, where a proxy stands before it."""
    member_link_days: int = Field(30, ge=1, le=366)
    """How long a link to a member's own page is good."""
    lanes: int = Field(32, ge=1, le=1000)
    """How many lanes one daemon works on at once."""
    keep_log_days: int = Field(90, ge=1)
    """Runs and the sync log are kept so long."""
    keep_history_days: int = Field(730, ge=1)
    """What is over (removed grants, records that are gone, mails) is kept so long."""
    trace_plugins: bool = False
    """Print every hook call."""
    block_plugins: str = ""
    """Names of installed plugins that are not loaded, separated by commas."""

    @field_validator("home")
    @classmethod
    def _home(cls, value: Path) -> Path:
        return value.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)

    def model_post_init(self, context: Any, /) -> None:
        for secret in (self.key, self.smtp_url, self.database_url):
            if secret is not None:
                redact.know_url(secret.get_secret_value())
