"""What an admin fills in for Nuki."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr, field_validator

from hub import ConnectionSettings

__all__ = ["NukiSettings"]


class NukiSettings(ConnectionSettings):
    """The token is made in Nuki Web under API. It has no end, and dies when the account's password is changed."""

    api_token: SecretStr = Field(min_length=1, title="API token")
    days_ahead: int = Field(
        7, ge=1, le=90, title="Days ahead", description="A code is made so many days before it begins, to save room"
    )
    codes_per_lock: int = Field(
        200, ge=10, le=1000, title="Codes per lock", description="How many codes and app users a lock holds"
    )
    timeout: float = Field(10.0, gt=0, le=120, title="Time-out in seconds")

    @field_validator("api_token", mode="before")
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from a page often brings a space or a line end along."""
        return value.strip() if isinstance(value, str) else value
