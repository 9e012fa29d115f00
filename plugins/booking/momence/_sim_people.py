"""Members, tags, memberships and passes of the simulated Momence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.testing import Request, operation
from plugins.booking.momence import wire
from plugins.booking.momence._sim_base import MomenceBase, refused, yes
from plugins.booking.momence._sim_world import Row

__all__ = ["People"]


class People(MomenceBase):
    """The routes about people."""

    @operation("ApiV2HostMembersController_list", "GET /api/v2/host/members")
    def list_members(self, request: Request) -> Any:
        rows = list(self.world.members.values())
        if word := request.query.get("query", "").casefold():
            rows = [row for row in rows if word in f"{row['firstName']} {row['lastName']} {row['email']}".casefold()]
        if request.query.get("filterPreset") == "with-active-membership":
            holders = {row["memberId"] for row in self.world.bought.values() if self.active(row)}
            rows = [row for row in rows if row["id"] in holders]
        return self.page(request, rows, wire.SMALL_PAGE)

    @operation("ApiV2HostMembersController_get", "GET /api/v2/host/members/{memberId}")
    def get_member(self, request: Request) -> Any:
        return self.found(self.world.members, request["memberId"], "member")

    @operation(
        "ApiV2HostMembersBoughtMembershipsController_list",
        "GET /api/v2/host/members/{memberId}/bought-memberships/active",
    )
    def list_bought(self, request: Request) -> Any:
        member = self.found(self.world.members, request["memberId"], "member")
        frozen = yes(request, "includeFrozen")
        rows = [
            {name: value for name, value in row.items() if name != "memberId"}
            for row in self.world.bought.values()
            if row["memberId"] == member["id"] and self.active(row) and (frozen or not row["isFrozen"])
        ]
        return self.page(request, rows, wire.LARGE_PAGE)

    @operation("ApiV2HostTagsController_list", "GET /api/v2/host/tags")
    def list_tags(self, request: Request) -> Any:
        return self.page(request, self.world.tags.values(), wire.SMALL_PAGE)

    @operation("ApiV2HostMembershipsController_list", "GET /api/v2/host/memberships")
    def list_memberships(self, request: Request) -> Any:
        rows = self.world.memberships.values()
        everything = yes(request, "includeDisabled")
        return self.page(request, [row for row in rows if everything or not row["disabled"]], wire.LARGE_PAGE)

    @operation("ApiV2MemberHostLocationsController_list", "GET /api/v2/member/host/locations")
    def list_locations(self, request: Request) -> Any:
        return self.page(request, self.world.locations.values(), wire.LARGE_PAGE)

    def active(self, row: Row) -> bool:
        """Whether a pass is among the active ones now: one that has run out just isn't there any more (S1)."""
        now = self.clock.now()
        starts, ends = _moment(row["startDate"]), _moment(row["endDate"])
        return (starts is None or starts <= now) and (ends is None or now < ends)

    def needed_member(self, key: int) -> Row:
        """A member who must be there."""
        row = self.world.members.get(key)
        if row is None:
            raise refused("err-member-not-found", "member not found")
        return row


def _moment(value: Any) -> datetime | None:
    """A moment of a row; None for none, and for what a test has put there that is no moment with a zone."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None
