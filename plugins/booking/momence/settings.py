"""What an admin fills in for Momence."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub import ConnectionSettings

__all__ = ["CustomerFields", "MomenceSettings"]


class CustomerFields(BaseModel):
    """The labels of the studio's own customer fields, by what they hold. Momence has no fixed field for any of it; a
    label that isn't named here is not read. Upper and lower case don't matter."""

    model_config = ConfigDict(extra="forbid")
    weight_kg: str | None = Field(None, min_length=1, title="Weight in kilograms")
    height_cm: str | None = Field(None, min_length=1, title="Height in centimetres")
    ftp_w: str | None = Field(None, min_length=1, title="FTP in watts")
    max_hr: str | None = Field(None, min_length=1, title="Highest heart rate, beats per minute")
    birth_date: str | None = Field(None, min_length=1, title="Date of birth")
    gender: str | None = Field(None, min_length=1, title="Gender")
    show_live: str | None = Field(None, min_length=1, title="Consent to the live display")


class MomenceSettings(ConnectionSettings):
    """`client_id` and `client_secret` are made in the dashboard (Apps & Integrations, Developer API); `username` and
    `password` are a staff user's, whose role decides what may be read. `webhook_secret` and `webhook_signing_secret`
    are shown once when a webhook is made there."""

    client_id: str = Field(min_length=1, title="Client ID")
    client_secret: SecretStr = Field(min_length=1, title="Client secret")
    username: str = Field(min_length=1, title="Username of a staff user")
    password: SecretStr = Field(min_length=1, title="Password")
    webhook_secret: SecretStr | None = Field(None, min_length=1, title="Webhook secret")
    webhook_signing_secret: SecretStr | None = Field(
        None,
        min_length=1,
        title="Webhook signing secret",
        description="Where Momence shows a second one for signatures",
    )
    customer_fields: CustomerFields = Field(
        CustomerFields(), title="Customer fields", description="Which of your own fields holds what"
    )
    badge_field: str | None = Field(
        None,
        min_length=1,
        title="Customer field with the badge number",
        description="Momence has no badges; a lock that needs one takes it from this field",
    )
    badge_numbers: Literal["hex", "decimal"] = Field("hex", title="How badge numbers are written")
    pass_members: Literal["all", "with-active-membership"] = Field(
        "all",
        title="Read the passes of",
        description="Of all members, or only of those that Momence's own filter names: fewer calls",
    )
    timeout: float = Field(10.0, gt=0, le=60, title="Time-out in seconds")

    @field_validator(
        "client_id", "client_secret", "username", "webhook_secret", "webhook_signing_secret", mode="before"
    )
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from the dashboard often brings a space or a line end along. A password may end in one."""
        return value.strip() if isinstance(value, str) else value
