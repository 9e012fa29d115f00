"""What an admin fills in for exivo."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from hub import ConnectionSettings

__all__ = ["ExivoSettings"]


class ExivoSettings(ConnectionSettings):
    """From the API settings of the exivo portal. The secret is shown there once; a lost one means a new key."""

    site_id: str = Field(min_length=1, title="Site ID")
    api_key: str = Field(min_length=1, title="API key")
    api_secret: SecretStr = Field(min_length=1, title="Secret API key")
    badge_number: Literal["cid", "uid"] = Field(
        "cid", title="Badge numbers are", description="cid of smart media, or uid of insecure ones"
    )
    invite: Literal["none", "email", "sms"] = Field(
        "none",
        title="exivo's own message",
        description="exivo then sends its link to a visit's e-mail address or phone itself; never the code, which the "
        "hub tells",
    )
    page_size: int = Field(100, ge=1, le=500, title="Page size")
    timeout: float = Field(10.0, gt=0, le=120, title="Time-out in seconds")

    @field_validator("site_id", "api_key", "api_secret", mode="before")
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from the portal often brings a space or a line end along."""
        return value.strip() if isinstance(value, str) else value
