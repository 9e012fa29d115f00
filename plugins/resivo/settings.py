"""What an admin fills in for Resivo."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr, field_validator

from hub import ConnectionSettings

__all__ = ["ResivoSettings"]

WHY = (
    "it must be true, because how Resivo's API works is pieced together from a client that nobody has released, and "
    "nothing of it was ever tried at a real door; docs/resivo.md says what is not known. A site that was renamed may "
    "still speak exivo: try the plugin exivo first"
)


class ResivoSettings(ConnectionSettings):
    """From the API section of the Resivo portal, for a credential of the scope *Site*. The secret is shown there once.
    The plugin is experimental, and off unless `experimental = true` says otherwise."""

    site_id: str = Field(min_length=1, title="Site ID")
    client_id: str = Field(min_length=1, title="Client ID")
    client_secret: SecretStr = Field(min_length=1, title="Client secret")
    experimental: bool = Field(title="Use it although it is experimental", description=WHY)
    api_version: str = Field("v8", pattern=r"^v[0-9]{1,3}$", title="API version", description="several come each year")
    version_in_every_path: bool = Field(
        False,
        title="The version is part of every address",
        description="the only client that could be read has it in one",
    )
    pin_length: int = Field(8, ge=4, le=12, title="Length of PINs", description="6 or 8 at least, set by property")
    timeout: float = Field(10.0, gt=0, le=120, title="Time-out in seconds")

    @field_validator("experimental")
    @classmethod
    def _on_purpose(cls, value: bool) -> bool:
        if not value:
            raise ValueError(WHY)
        return value

    @field_validator("site_id", "client_id", "client_secret", mode="before")
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from the portal often brings a space or a line end along."""
        return value.strip() if isinstance(value, str) else value
