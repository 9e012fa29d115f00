"""Opening the installation for a command."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import Parameter, validators
from pydantic import ValidationError

from hub.core import Hub
from hub.errors import UserError
from hub.settings import HubSettings

__all__ = ["Count", "Json", "opened", "settings", "who"]

Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Json = Annotated[bool, Parameter(name="--json", help="Print one JSON document.")]


def settings() -> HubSettings:
    """The installation's settings. Raises UserError for an environment variable that can't be used."""
    try:
        return HubSettings()
    except ValidationError as error:
        names = ", ".join(f"STUDIOHUB_{str(item['loc'][0]).upper()}" for item in error.errors() if item["loc"])
        raise UserError(f"these environment variables can't be used: {names}") from error


@asynccontextmanager
async def opened() -> AsyncIterator[Hub]:
    """The opened installation."""
    async with Hub.open(settings()) as hub:
        yield hub


def who() -> str:
    """Who is typing, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
