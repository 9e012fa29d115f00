"""EventService and SiteService of the simulated Spivi: sessions on boxes, seats, everybody's results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub.testing import Reply, Request, operation
from plugins.spivi._sim_base import Form, answered, items
from plugins.spivi._sim_people import People
from plugins.spivi._sim_world import Row, shown

__all__ = ["Events"]


class Events(People):
    """Sessions, seats, layouts."""

    @operation("getEvents", "POST /EventService/GetEvents", reads=True)
    def get_events(self, request: Request) -> Reply:
        form = self.form(request)
        if ids := items(form, "EventIDs"):
            rows = [self.world.events[found] for found in ids if found in self.world.events]
        else:
            start, end = self.period(form)
            (box,) = self.given(form, "BoxID")
            self._box(box)
            rows = [
                row
                for row in self.world.events.values()
                if row["BoxID"] == box and start <= row["ends"] and row["starts"] <= end
            ]
        return answered("Events", "Event", [self._event(row) for row in rows])

    @operation("addEvent", "POST /EventService/AddEvent")
    def add_event(self, request: Request) -> Reply:
        row = {"EventID": self.number(), "IsCancelled": 0, **self._fields(self.form(request))}
        self.world.events[row["EventID"]] = row
        self.world.booked[row["EventID"]] = {}
        return answered("Events", "Event", [] if self.faults.no_event_id else [self._event(row)])

    @operation("updateEvent", "POST /EventService/UpdateEvent")
    def update_event(self, request: Request) -> Reply:
        self.placeholder()
        form = self.form(request)
        row = self._known(form)
        self.world.events[row["EventID"]] = changed = {**row, **self._fields(form)}
        return answered("Events", "Event", [self._event(changed)])

    @operation("cancelEvent", "POST /EventService/CancelEvent")
    def cancel_event(self, request: Request) -> Reply:
        row = self._known(self.form(request))
        self.world.events[row["EventID"]] = {**row, "IsCancelled": 1}
        return answered()

    @operation("restoreEvent", "POST /EventService/RestoreEvent")
    def restore_event(self, request: Request) -> Reply:
        self.placeholder()
        row = self._known(self.form(request))
        self.world.events[row["EventID"]] = {**row, "IsCancelled": 0}
        return answered()

    @operation("addClientsToEvents", "POST /EventService/AddClientsToEvents")
    def add_clients_to_events(self, request: Request) -> Reply:
        form = self.form(request)
        clients, events, seats = (items(form, name) for name in ("ClientIDs", "EventIDs", "SeatIDs"))
        if not clients or len({len(clients), len(events), len(seats)}) != 1:
            raise self.bad(422, "ClientIDs, EventIDs and SeatIDs go together")
        for client, event, seat in zip(clients, events, seats, strict=True):
            self._seat(client, event, seat)
        return answered()

    @operation("removeClientsFromEvents", "POST /EventService/RemoveClientsFromEvents")
    def remove_clients_from_events(self, request: Request) -> Reply:
        form = self.form(request)
        clients, events = items(form, "ClientIDs"), items(form, "EventIDs")
        if not clients or len(clients) != len(events):
            raise self.bad(422, "ClientIDs and EventIDs go together")
        for client, event in zip(clients, events, strict=True):
            riders = self.world.booked[self.found(self.world.events, event, "event")["EventID"]]
            if client not in riders and self.faults.remove_absent_fails:
                raise self.bad(404, "The client is not in the event")
            self.world.booked[event] = {other: spot for other, spot in riders.items() if other != client}
        return answered()

    @operation("getEventPerformanceData", "POST /EventService/GetEventPerformanceData", reads=True)
    def get_event_performance_data(self, request: Request) -> Reply:
        self.placeholder()
        row = self._known(self.form(request))
        riders = self.world.booked[row["EventID"]]
        found = [result for rider in riders for result in self.results(row, self.world.clients[rider])]
        return answered("Workouts", "Workout", found)

    @operation("getStudioLayout", "POST /SiteService/GetStudioLayout", reads=True)
    def get_studio_layout(self, request: Request) -> Reply:
        self.placeholder()
        (box,) = self.given(self.form(request), "BoxID")
        spots = range(self._box(box))
        rows = [
            {
                "SeatID": self.seat_id(spot),
                "Label": str(spot + 1),
                "Row": spot // 5 + 1,
                "Column": spot % 5 + 1,
                "IsInstructor": 0,
            }
            for spot in spots
        ]
        return answered("Seats", "Seat", rows)

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _known(self, form: Form) -> Row:
        (event_id,) = self.given(form, "EventID")
        return self.found(self.world.events, event_id, "event", "Events")

    def _box(self, box: str) -> int:
        if box not in self.world.boxes:
            raise self.bad(404, "There is no such box", "Events")
        return self.world.boxes[box]

    def _fields(self, form: Form) -> Row:
        title, box = self.given(form, "Title", "BoxID")
        start, end = self.period(form)
        self._box(box)
        if not timedelta(minutes=20) <= end - start <= timedelta(hours=4):
            raise self.bad(422, "A session lasts 20 minutes to 4 hours", "Events")
        teacher = None
        if form.get("InstructorUserName"):
            teacher = self.world.client_by_email(form["InstructorUserName"])
            if teacher is None or teacher["ClientID"] not in self.world.instructors:
                raise self.bad(404, "There is no such instructor", "Events")
        return {
            "Title": title,
            "Description": form.get("Description"),
            "BoxID": box,
            "InstructorName": teacher and f"{teacher['FirstName']} {teacher['LastName'][:1]}.",
            "starts": start,
            "ends": end,
        }

    def _seat(self, client: str, event: str, seat: str) -> None:
        row = self.found(self.world.events, event, "event")
        self.found(self.world.clients, client, "client")
        if row["IsCancelled"]:
            raise self.bad(409, "The event is cancelled")
        spot = int(seat) - int(self.faults.seats_from_one) if seat.isascii() and seat.isdigit() else -1
        if not 0 <= spot < self.world.boxes[row["BoxID"]]:
            raise self.bad(404, "There is no such seat")
        riders = self.world.booked[event]
        if riders.get(client) == spot and self.faults.add_again_succeeds:
            return
        if client in riders and not self.faults.add_moves:
            raise self.bad(409, "The client is already in the event")
        if spot in riders.values() and riders.get(client) != spot and not self.faults.seats_shared:
            raise self.bad(409, "The seat is taken")
        self.world.booked[event] = {**riders, client: spot}

    def _event(self, row: Row) -> Row:
        riders = self.world.booked[row["EventID"]]
        free = [self.seat_id(spot) for spot in range(self.world.boxes[row["BoxID"]]) if spot not in riders.values()]
        view: dict[str, Any] = {
            **{name: row[name] for name in ("EventID", "Title", "Description")},
            "StartDateTime": shown(row["starts"]),
            "EndDateTime": shown(row["ends"]),
            "InstructorName": row["InstructorName"],
            "IsCancelled": row["IsCancelled"],
            "AvailableSeats": {"AvailableSeat": free},
            "BookedClients": {"BookedClient": [self._booked(rider, spot) for rider, spot in riders.items()]},
        }
        return view if self.faults.no_box_id else {**view, "BoxID": row["BoxID"]}

    def _booked(self, rider: str, spot: int) -> Row:
        client = self.world.clients.get(rider, {})
        name = f"{client.get('FirstName') or ''} {client.get('LastName') or ''}".strip()
        return {
            "ClientID": rider,
            "ClientName": name,
            "UserName": client.get("Email"),
            "SeatID": self.seat_id(spot),
        }
