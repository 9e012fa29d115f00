"""What an admin fills in for bsport."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, cast

from pydantic import Field, SecretStr, field_validator

from hub import Connection, ConnectionSettings

__all__ = ["BsportSettings", "settings_of"]


class BsportSettings(ConnectionSettings):
    """From bsport's support: the key lasts about a year and ends without notice.

    `read_spots` switches on the classic interface, which bsport makes no promise about; it needs `classic_token`.
    """

    api_key: SecretStr = Field(min_length=1, title="X-Api-Key")
    company_id: int = Field(ge=1, title="X-Company-ID")
    client_id: str = Field(min_length=1, title="X-Client-ID", description="Short name of the studio")
    franchisor_id: int | None = Field(None, ge=1, title="X-Franchisor-ID", description="Franchises only")
    key_ends: date | None = Field(
        None, title="Key ends on", description="For the warning in good time; left out where the key itself says so"
    )
    ending_date_included: bool = Field(
        True, title="A pass is valid on its ending date", description="Off: it ends when that day begins"
    )
    badge_field: Literal["membership_id"] | None = Field(
        None, title="Badge numbers are in", description="For studios that enter them there; bsport has no badges"
    )
    badge_numbers: Literal["hex", "decimal"] = Field(
        "hex", title="Badge numbers are written as", description="What a number of digits only means"
    )
    read_spots: bool = Field(False, title="Read spots from the classic interface")
    classic_token: SecretStr | None = Field(None, min_length=1, title="Token of the classic interface")
    classic_base_url: str | None = Field(None, title="Address of the classic interface")
    guessed_lists: bool = Field(
        False, title="Try venues/ and teachers/", description="Two lists whose addresses are guesses"
    )
    page_size: int = Field(100, ge=10, le=100, title="Page size")
    timeout: float = Field(10.0, gt=0, le=120, title="Time-out in seconds")

    @field_validator("api_key", "client_id", "classic_token", mode="before")
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from a mail often brings a space or a line end along."""
        return value.strip() if isinstance(value, str) else value

    @field_validator("client_id")
    @classmethod
    def _header(cls, value: str) -> str:
        """It travels in a header, which holds nothing else."""
        if not (value.isascii() and value.isprintable()):
            raise ValueError("must be the studio's short name, in plain letters and digits")
        return value

    @field_validator("classic_base_url")
    @classmethod
    def _classic_address(cls, value: str | None) -> str | None:
        return cls._address(value)


def settings_of(connection: Connection) -> BsportSettings:
    """The connection's settings, which the hub made from the model that `describe` named."""
    return cast("BsportSettings", connection.settings)
