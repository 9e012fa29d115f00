"""ClientService of the simulated Spivi: riders, instructors, and one rider's workouts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hub.testing import Reply, Request, operation
from plugins.spivi._sim_base import Form, SpiviBase, answered, items
from plugins.spivi._sim_world import Row, shown, typed, workout

__all__ = ["People"]

PROFILE = ("FirstName", "LastName", "Gender", "BirthDate", "Address", "City", "Country", "Phone", "DeviceID", "Notes")
BODY = {"Weight": (20, 300), "Height": (90, 250), "FTP": (30, 600), "RHR": (25, 120), "LTHR": (80, 210)}
BODY_TOO = {"PST": (-(10**9), 10**9), "MaxHR": (100, 230), "DisplayLiveData": (0, 1)}
SHOWN = (
    *("ClientID", "DisplayName", "Email", "LevelName", "FTP", "LTHR", "RHR", "PST", "Weight", "Height", "DeviceID"),
    *("Address", "City", "Phone", "TotalSEP", "TotalWPP", "FirstName", "LastName", "Gender", "BirthDate"),
)


class People(SpiviBase):
    """Riders, instructors, workouts."""

    @operation("getClients", "POST /ClientService/GetClients", reads=True)
    def get_clients(self, request: Request) -> Reply:
        form = self.form(request)
        rows = list(self.world.clients.values())
        if form.get("Username"):
            one = self.world.client_by_email(form["Username"])
            rows = [one] if one else []
        elif form.get("SearchText"):
            text = form["SearchText"].lower()
            rows = [row for row in rows if text in f"{row.get('FirstName')} {row.get('LastName')}".lower()]
        elif ids := items(form, "ClientIDs"):
            rows = [row for row in rows if row["ClientID"] in ids]
        elif self.faults.unlisted_clients:
            rows = []
        return answered("Clients", "Client", [self._shown(row) for row in rows])

    @operation("addClient", "POST /ClientService/AddClient")
    def add_client(self, request: Request) -> Reply:
        form = self.form(request)
        email, *_ = self.given(form, "Username", "Password", "FirstName", "LastName")
        if "@" not in email:
            raise self.bad(422, "Username is not an e-mail", "Clients")
        if self.world.client_by_email(email) or (email.lower() in self.world.elsewhere and not self.faults.add_links):
            raise self.bad(409, "Username is taken", "Clients")
        return answered("Clients", "Client", [self._shown(self._join(email, self._profile(form)))])

    @operation("addExistingClient", "POST /ClientService/AddExistingClient")
    def add_existing_client(self, request: Request) -> Reply:
        self.placeholder()
        (email,) = self.given(self.form(request), "Username")
        if email.lower() not in self.world.elsewhere:
            raise self.bad(404, "There is no such client", "Clients")
        return answered("Clients", "Client", [self._shown(self._join(email, {}))])

    @operation("updateClient", "POST /ClientService/UpdateClient")
    def update_client(self, request: Request) -> Reply:
        form = self.form(request)
        (email,) = self.given(form, "Username")
        row = self._client(email)
        blank = dict.fromkeys((*PROFILE, *BODY)) if self.faults.update_blanks else {}
        self.world.clients[row["ClientID"]] = changed = {**row, **blank, **self._profile(form)}
        return answered("Clients", "Client", [self._shown(changed)])

    @operation("delClient", "POST /ClientService/DelClient")
    def del_client(self, request: Request) -> Reply:
        (email,) = self.given(self.form(request), "Username")
        del self.world.clients[self._client(email)["ClientID"]]
        return answered()

    @operation("getInstructors", "POST /ClientService/GetInstructors", reads=True)
    def get_instructors(self, request: Request) -> Reply:
        self.given(self.form(request), "SiteID")
        rows = [self._shown(self.world.clients[found]) for found in self.world.instructors]
        return answered("Clients", "Client", rows)

    @operation("getClientPerformanceData", "POST /ClientService/GetClientPerformanceData", reads=True)
    def get_client_performance_data(self, request: Request) -> Reply:
        form = self.form(request)
        email, *_ = self.given(form, "Username", "StartDateTime", "EndDateTime")
        start, end = self.period(form)
        client = self._client(email)
        rows = []
        for event_id, riders in self.world.booked.items():
            event = self.world.events[event_id]
            wanted = self.faults.results_unfiltered or form.get("EventID", event_id) == event_id
            if wanted and client["ClientID"] in riders and start <= event["ends"] and event["starts"] <= end:
                rows += self.results(event, client)
        return answered("Workouts", "Workout", rows)

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def period(self, form: Form) -> tuple[datetime, datetime]:
        """The times in a request."""
        start, end = typed(form.get("StartDateTime")), typed(form.get("EndDateTime"))
        if start is None or end is None or end <= start:
            raise self.bad(422, "StartDateTime and EndDateTime must be dd-mm-yyyyTHH:MM")
        return start, end

    def results(self, event: Row, client: Row) -> list[Row]:
        """What was recorded of somebody in an event: nothing before it is over, and later than that where a switch
        says so."""
        late = self.faults.late_results
        ready = event["ends"] + timedelta(minutes=late.minutes if late is not None else 0)
        if event["IsCancelled"] or self.local_now() < ready:
            return []
        key = f"{event['EventID']}:{client['ClientID']}"
        row = self.world.workouts.get(key)
        if row is None:
            row = workout(self.seed, event, client)
        if not row or self.faults.bare_results:
            return [row] if row else []
        spot = self.world.booked[event["EventID"]].get(client["ClientID"])
        seat = {} if spot is None else {"SeatID": self.seat_id(spot)}
        ids = {"EventID": event["EventID"], "ClientID": client["ClientID"], **seat}
        return [{**row, **ids, "StartDateTime": shown(event["starts"]), "EndDateTime": shown(event["ends"])}]

    def local_now(self) -> datetime:
        """The studio's wall clock."""
        raise NotImplementedError

    def seat_id(self, spot: int) -> int:
        """The id of a spot."""
        return spot + int(self.faults.seats_from_one)

    def _client(self, email: str) -> Row:
        row = self.world.client_by_email(email)
        if row is None:
            raise self.bad(404, "There is no such client", "Clients")
        return row

    def _join(self, email: str, profile: Row) -> Row:
        """Somebody new to the site; who rides elsewhere brings their profile."""
        row = {
            "ClientID": self.number(),
            "Email": email,
            "LevelName": "Bronze",
            "TotalSEP": 0,
            "TotalWPP": 0,
            **self.world.elsewhere.pop(email.lower(), {}),
            **profile,
        }
        self.world.clients[row["ClientID"]] = row
        return row

    def _profile(self, form: Form) -> Row:
        found: Row = {name: form[name] for name in PROFILE if name in form}
        for name, (low, high) in {**BODY, **BODY_TOO}.items():
            if name in form:
                try:
                    value = int(form[name])
                except ValueError:
                    raise self.bad(422, f"{name} is not a whole number", "Clients") from None
                if not low <= value <= high:
                    raise self.bad(422, f"{name} is out of range", "Clients")
                found[name] = value
        if found.get("Gender") not in {None, "Male", "Female"}:
            raise self.bad(422, "Gender is Male or Female", "Clients")
        return found

    def _shown(self, row: Row) -> Row:
        name = f"{row.get('FirstName') or ''} {(row.get('LastName') or '')[:1]}.".strip()
        known: dict[str, Any] = {"DisplayName": name, **row}
        return {field: known.get(field) for field in SHOWN}
