"""What an admin fills in for SportsNow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from hub import Connection, ConnectionSettings

__all__ = ["SportsNowSettings", "settings_of"]

_ADDRESS = re.compile(r"^https?://[^/]*sportsnow\.ch/(?:[a-z]{2}/)?(?:[^?#]*/)?providers?/([^/?#]+)", re.IGNORECASE)


class SportsNowSettings(ConnectionSettings):
    """The public timetable, and a folder with what SportsNow gives to nobody but people: customers, badges, passes."""

    provider: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        title="Provider",
        description="The studio's name in its public address, sportsnow.ch/providers/NAME/schedule (or the address)",
    )
    path: Path | None = Field(None, title="Folder", description="Folder that customers, badges and passes are put into")
    badge_numbers: Literal["decimal", "hexadecimal"] | None = Field(
        None, title="Badge numbers are", description="What a badge number of digits only means; never guessed"
    )
    last_day_included: bool = Field(
        True, title="Passes include their last day", description="Whether a pass still opens on the day it ends"
    )
    weeks: int = Field(5, ge=0, le=26, title="Weeks ahead", description="How many weeks after this one are asked for")
    assumed_routes: bool = Field(
        False,
        title="Assumed routes",
        description="Read members over routes that SportsNow has not confirmed; only against the simulator",
    )
    token: SecretStr | None = Field(None, title="Token for the assumed routes")
    timeout: float = Field(20.0, gt=0, le=120, title="Time-out in seconds")

    @field_validator("provider", mode="before")
    @classmethod
    def _from_address(cls, value: Any) -> Any:
        """The public address of the timetable holds the name."""
        if not isinstance(value, str):
            return value
        found = _ADDRESS.match(value.strip())
        return found[1] if found else value.strip()

    @model_validator(mode="after")
    def _one_source_of_members(self) -> Self:
        if self.assumed_routes and self.path is not None:
            raise ValueError("members come from path or from assumed_routes, not from both")
        if self.assumed_routes and self.token is None:
            raise ValueError("assumed_routes needs token")
        return self


def settings_of(connection: Connection) -> SportsNowSettings:
    """The connection's settings. Raises TypeError for those of another plugin."""
    settings = connection.settings
    if not isinstance(settings, SportsNowSettings):
        raise TypeError(f"{connection.name} has settings of another plugin")
    return settings
