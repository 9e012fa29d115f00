"""What all operations of the simulated anny share: errors, pages, relations, who may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.testing import Faults, Reject, Reply, Request, Simulator
from plugins.booking.anny import wire
from plugins.booking.anny._sim_world import AnnyWorld, Row

__all__ = ["AnnyBase", "AnnyFaults", "error"]

LARGEST_PAGE = 50


class AnnyFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and what sources disagree about or leave open."""

    flat_pages: bool = False
    """Page info as `meta{current_page, last_page}`, without a total and links."""
    no_page_info: bool = False
    """No page info at all."""
    parents_only: bool = False
    """The filter that asks for child resources is ignored."""
    no_communities: bool = False
    """The lists of communities, which are assumed, don't exist."""
    unsorted: bool = False
    """`sort` is ignored."""
    refuse_sort: bool = False
    """`sort` is refused with 422."""
    bare_items: bool = False
    """A single item isn't wrapped in `data`."""
    hide_headers: bool = False
    """Subscriptions of webhooks are shown without their headers."""


def error(status: int, title: str, detail: str = "", *, shape: str = "errors") -> Reject:
    """A refusal in one of the three shapes that the vendor's connector handles (S5)."""
    if shape == "error":
        return Reject(Reply(status, {"error": title}))
    if shape == "message":
        return Reject(Reply(status, {"title": title, "message": detail}))
    found = {"status": str(status), "code": str(status), "title": title, "detail": detail or title}
    return Reject(Reply(status, {"errors": [found]}))


class AnnyBase(Simulator):
    """Helpers for the operations."""

    world: AnnyWorld
    faults: AnnyFaults
    access_token: str
    active: str

    def authorize(self, request: Request) -> None:
        if request.header("authorization") != f"Bearer {self.access_token}":
            raise Reject(self.refuse())
        organisation = request.query.get(wire.ORGANISATION)
        if organisation is not None and organisation not in self.world.organizations:
            raise error(403, "Forbidden", "no access to this organization")

    def refuse(self) -> Reply:
        return Reply(401, {"title": "Unauthenticated", "message": "Unauthenticated."})

    def not_found(self, allowed: Iterable[str]) -> Reply:
        return Reply(405 if list(allowed) else 404, {"error": "Not Found"})

    def ours(self, request: Request, table: Mapping[str, Row]) -> list[Row]:
        """The rows of the organisation that is asked for: `o`, else the active one."""
        wanted = request.query.get(wire.ORGANISATION, self.active)
        return [row for row in table.values() if row.get("organization_id", self.active) == wanted]

    def found(self, request: Request, table: Mapping[str, Row]) -> Row:
        """The row that the path names."""
        row = table.get(request["id"])
        if row is None:
            raise error(404, "Not Found", "No record with this id")
        return row

    def item(self, request: Request, row: Row, status: int = 200) -> Reply:
        """One item, bare or in `data`, flat or as JSON:API by the Accept header."""
        shown = self._shown(request, row)
        return Reply(status, shown if self.faults.bare_items else {"data": shown})

    def listing(self, request: Request, rows: list[Row]) -> Reply:
        """One page of a list, `page[number]` from 1 and `page[size]` up to 50."""
        if request.query.get("sort"):
            rows = self._sorted(rows, request.query["sort"])
        number, size = _whole(request, "page[number]", 1), _whole(request, "page[size]", 30)
        if size > LARGEST_PAGE:
            raise error(422, "Unprocessable", f"page[size] must not be greater than {LARGEST_PAGE}", shape="message")
        last = max(1, -(-len(rows) // size))
        part = rows[(number - 1) * size : number * size]
        value: Row = {"data": [self._shown(request, row) for row in part]}
        if self.faults.flat_pages:
            value["meta"] = {"current_page": number, "last_page": last}
        elif not self.faults.no_page_info:
            value["meta"] = {"page": {"current-page": number, "last-page": last, "total": len(rows)}}
            value["links"] = {"next": f"https://b.anny.co{request.path}?page[number]={number + 1}"}
            if number >= last:
                value["links"]["next"] = None
        return Reply(200, value, items_in="data")

    def _sorted(self, rows: list[Row], field: str) -> list[Row]:
        if self.faults.refuse_sort:
            raise error(422, "Unprocessable", "sort is not allowed", shape="message")
        if self.faults.unsorted:
            return rows
        name = field.removeprefix("-")
        return sorted(rows, key=lambda row: str(row.get(name) or ""), reverse=field.startswith("-"))

    def _shown(self, request: Request, row: Row) -> Row:
        flat = self.related(row, _tree(request.query.get("include", "")))
        if request.header("accept") != wire.JSON_API and request.header("accept") != "":
            return flat
        # Without Accept application/json an answer is JSON:API (S2).
        attributes = {name: value for name, value in flat.items() if name not in {"id", "type"}}
        return {"id": flat["id"], "type": flat.get("type", ""), "attributes": attributes}

    def related(self, row: Row, tree: Mapping[str, Any]) -> Row:
        """A row with the relations that `include` asks for inside, and without the ids that stand for them here."""
        world = self.world
        shown = {name: value for name, value in row.items() if not name.endswith("_id") or name == "series_id"}
        if row.get("type") == "resources":
            children = [child for child in world.resources.values() if child.get("parent_id") == row["id"]]
            shown["has_children"] = bool(children)
            shown["meta"] = {"parent_id": row.get("parent_id")}
            if "children" in tree and children:
                shown["children"] = [self.related(child, tree["children"]) for child in children]
        if row.get("type") == "bookings" and "sub_bookings" in tree:
            parts = [part for part in world.bookings.values() if part.get("main_booking_id") == row["id"]]
            shown["sub_bookings"] = [self.related(part, tree["sub_bookings"]) for part in parts]
        for name, table in (
            ("customer", world.customers),
            ("resource", world.resources),
            ("service", world.services),
            ("plan", world.plans),
            ("community", world.communities),
            ("location", world.locations),
            ("parent", world.resources),
        ):
            found = table.get(row.get(f"{name}_id") or "")
            if name in tree and found is not None:
                shown[name] = self.related(found, tree[name])
        return shown


def _tree(include: str) -> dict[str, Any]:
    """`a,b.c` as {a: {}, b: {c: {}}}."""
    tree: dict[str, Any] = {}
    for path in filter(None, include.split(",")):
        node = tree
        for name in path.split("."):
            node = node.setdefault(name, {})
    return tree


def _whole(request: Request, name: str, usual: int) -> int:
    text = request.query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and int(text[:6]) > 0):
        raise error(422, "Unprocessable", f"{name} must be a number from 1", shape="message")
    return int(text[:6])
