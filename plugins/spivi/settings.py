"""What an admin fills in for Spivi."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import Field, SecretStr, field_validator

from hub import ConnectionSettings, grants
from plugins.spivi import wire

__all__ = ["SpiviSettings"]


class SpiviSettings(ConnectionSettings):
    """`site_id` and `box_ids` stand under My Studio > Developers > API for developers. `source_name` and `password` are
    what Spivi gave out for the API, or the sign-in of a club administrator."""

    site_id: str = Field(min_length=1, title="Site ID")
    source_name: str = Field(min_length=1, title="Source name or administrator e-mail")
    password: SecretStr = Field(min_length=1, title="Password")
    box_ids: tuple[str, ...] = Field((), title="Box IDs", description="Spivi has no list of them that can be asked for")
    live_display: grants.LiveDisplay = Field(
        grants.LiveDisplay.WITHHOLD,
        title="Riders who do not want to be shown live",
        description="withhold: get no seat at Spivi; send_anyway: are sent, and set it in Spivi themselves",
    )
    birth_date_format: str = Field(
        "dd/mm/yyyy", title="Form of birth dates", description="dd, mm and yyyy; empty sends none"
    )
    calls: dict[str, bool | str] = Field(
        {}, title="Calls", description="Switch a call on or off, or give its Service/Method"
    )
    fields: dict[str, str | list[str]] = Field({}, title="Fields", description="Spivi's names where they differ")
    error_codes: dict[str, wire.ErrorKind] = Field({}, title="Error codes", description="What a number means")
    timeout: float = Field(15.0, gt=0, le=120, title="Time-out in seconds")

    @field_validator("site_id", "source_name", mode="before")
    @classmethod
    def _pasted(cls, value: Any) -> Any:
        """What is copied from a page often brings a space or a line end along. A password may end in one."""
        return value.strip() if isinstance(value, str) else value

    @field_validator("box_ids", mode="before")
    @classmethod
    def _boxes(cls, value: Any) -> Any:
        """One text with commas does too: a command line has nothing else. Ids may be written as numbers."""
        boxes = value.split(",") if isinstance(value, str) else value
        if not isinstance(boxes, list | tuple):
            return boxes
        return tuple(text for box in boxes if (text := str(box).strip()))

    @field_validator("calls")
    @classmethod
    def _calls(cls, value: dict[str, bool | str]) -> dict[str, bool | str]:
        _known(value, wire.CALLS, "call")
        return value

    @field_validator("fields")
    @classmethod
    def _fields(cls, value: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        _known(value, wire.FIELDS, "field")
        return value

    def tables(self) -> wire.Wire:
        """Spivi's names as this connection has them."""
        return wire.Wire(self.calls, self.fields, self.error_codes)


def _known(given: Iterable[str], known: Iterable[str], what: str) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ValueError(f"there is no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
