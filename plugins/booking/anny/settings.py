"""What an admin fills in for anny."""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import Field, SecretStr, field_validator

from hub import Connection, ConnectionSettings
from hub.records import PassState

__all__ = ["Settings", "settings_of"]


class Settings(ConnectionSettings):
    """An access token from anny's settings page, with scopes that read. anny has no fields of its own for badge, weight
    and the like: say which custom field of the customer holds them, by its label or key."""

    access_token: SecretStr = Field(min_length=1, title="Access token")
    organization_id: str | None = Field(
        None, min_length=1, title="Organisation id", description="Needed where the token sees more than one"
    )
    page_size: int = Field(30, ge=1, le=50, title="Page size")
    timeout: float = Field(10.0, gt=0, le=120, title="Time-out in seconds")
    last_day: Literal["included", "excluded"] = Field(
        "included", title="The day an end date names", description="Whether access lasts to the end of that day"
    )
    subscription_states: dict[str, PassState] = Field(
        default={}, title="Words for the state of a plan subscription", description="The vendor's list is not public"
    )
    badge_field: str | None = Field(None, title="Custom field with the badge number")
    badge_numbers: Literal["hex", "decimal"] = Field("hex", title="How badge numbers are written")
    weight_field: str | None = Field(None, title="Custom field with the weight in kg")
    height_field: str | None = Field(None, title="Custom field with the height in cm")
    ftp_field: str | None = Field(None, title="Custom field with the FTP in W")
    max_hr_field: str | None = Field(None, title="Custom field with the maximum heart rate")
    display_field: str | None = Field(None, title="Custom field with the consent to the live display")

    @field_validator("access_token", "organization_id", mode="before")
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from a page often brings a space or a line end along."""
        return value.strip() if isinstance(value, str) else value


def settings_of(connection: Connection) -> Settings:
    """The connection's settings, which the hub made from the model that `describe` named."""
    return cast("Settings", connection.settings)
