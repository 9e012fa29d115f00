"""What a connection to a folder is set up with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from pydantic import Field

from hub import Connection, ConnectionSettings

__all__ = ["Settings", "settings_of"]


class Settings(ConnectionSettings):
    """A folder of CSV files, as a booking system exports them."""

    path: Path = Field(description="Folder that the booking system exports its CSV files to")
    badge_numbers: Literal["hex", "decimal"] = Field(
        "hex", description="What a badge number of digits only means where its row doesn't say"
    )


def settings_of(connection: Connection) -> Settings:
    """The connection's settings, which the hub made from the model that `describe` named."""
    return cast("Settings", connection.settings)
