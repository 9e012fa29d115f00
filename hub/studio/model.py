"""The shapes of a studio file: what an admin may write, and what the mapping tables hold."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub import times

__all__ = [
    "ROW_KINDS",
    "CommunityRow",
    "LinkRow",
    "MailSection",
    "PassRow",
    "ResourceRow",
    "RoomRow",
    "Row",
    "StudioSection",
    "Words",
]


_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Ids = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]


class StudioSection(BaseModel):
    """`[studio]`."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1)
    timezone: str
    language: Literal["de", "en"] = "en"
    admin_email: str | None = None

    @field_validator("admin_email")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not _EMAIL.fullmatch(value):
            raise ValueError("must be one e-mail address")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        times.zone(value)
        return value


class Words(BaseModel):
    """The studio's own words, in the languages it wrote them in. One text alone is for every language."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    de: str = Field("", max_length=2000)
    en: str = Field("", max_length=2000)

    @model_validator(mode="before")
    @classmethod
    def _one_text(cls, value: Any) -> Any:
        return {"de": value, "en": value} if isinstance(value, str) else value

    def of(self, language: str) -> str:
        """The words in that language; where there are none, those in the other one."""
        return (self.de or self.en) if language == "de" else (self.en or self.de)

    @property
    def plain(self) -> str | dict[str, str]:
        """As a studio file has them."""
        return self.de if self.de == self.en else self.model_dump(exclude_defaults=True)


class MailSection(BaseModel):
    """`[mail]`: what members get mails about, and from whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    access: bool = True
    summary: bool = True
    accounts: bool = True
    reminder_minutes: int | None = Field(None, ge=5, le=7 * 24 * 60)
    words: Words = Words()
    sender_name: str | None = Field(None, min_length=1, max_length=100)

    @field_validator("sender_name")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("must be one line")
        return value

    @property
    def plain(self) -> dict[str, Any]:
        """As a studio file has it, what is as usual left out."""
        values = self.model_dump(exclude_defaults=True)
        return {**values, "words": self.words.plain} if "words" in values else values


class Row(BaseModel):
    """Base of the mapping rows. `source` and `target` are names of connections."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    target: str

    @property
    def source_name(self) -> str:
        """The connection whose records this row speaks of."""
        raise NotImplementedError


class _SourceRow(Row):
    source: str

    @property
    def source_name(self) -> str:
        return self.source


class PassRow(_SourceRow):
    """`[[passes]]`: whoever has one of these passes belongs in that access group. The lowest number wins."""

    passes: Ids = Field(alias="pass")
    group: str | None = None
    locks: list[str] = []
    credential: Literal["code", "link", "both"] = "both"
    priority: int = 100

    @model_validator(mode="after")
    def _one_thing(self) -> PassRow:
        if (self.group is None) == (not self.locks):
            raise ValueError("say what the pass opens: group, or locks")
        return self


class ResourceRow(_SourceRow):
    """`[[resources]]`: a booking of one of these opens those locks, from minutes before to minutes after."""

    resource: Ids
    locks: Ids
    minutes_before: int = Field(0, ge=0, le=24 * 60)
    minutes_after: int = Field(0, ge=0, le=24 * 60)
    credential: Literal["code", "link", "both"] = "both"


class CommunityRow(_SourceRow):
    """`[[communities]]`: members of a community open those locks, for as long as they belong to it."""

    community: Ids
    locks: Ids
    credential: Literal["code", "link", "both"] = "both"


class RoomRow(_SourceRow):
    """`[[rooms]]`: a room plan (or, where the source has none, a location) is that box of the tracker. `first_free`:
    who booked without a spot gets the first seat that nobody has."""

    room_plan: str | None = None
    location: str | None = None
    box: str
    seats: dict[str, str] = {}
    send: bool = True
    first_free: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> RoomRow:
        if (self.room_plan is None) == (self.location is None):
            raise ValueError("name the room: room_plan, or location")
        return self


class LinkRow(Row):
    """`[[links]]`: a member's id at a vendor, said by hand."""

    member: str
    id: str

    @field_validator("member")
    @classmethod
    def _member(cls, value: str) -> str:
        if ":" not in value:
            raise ValueError(f'write a member as "connection:id", not {value!r}')
        return value

    @property
    def source_name(self) -> str:
        return self.member.partition(":")[0]


ROW_KINDS: dict[str, type[Row]] = {
    "passes": PassRow,
    "resources": ResourceRow,
    "communities": CommunityRow,
    "rooms": RoomRow,
    "links": LinkRow,
}
"""The mapping tables, by the name they have in a studio file."""
