"""The tables. One schema for SQLite and PostgreSQL.

Every row belongs to a studio, directly or through its connection. Times are aware UTC. JSON is kept as text that
`msgspec` wrote. Columns named `sealed_*` hold ciphertext (see `hub.vault`); nothing else in here is secret.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

__all__ = [
    "LIVE",
    "Utc",
    "agenda",
    "audit",
    "connection",
    "delivery",
    "hint",
    "hook",
    "inbox",
    "lane",
    "ledger",
    "ledger_event",
    "link",
    "log",
    "mapping",
    "metadata",
    "opening",
    "outbox",
    "plan",
    "poll",
    "reading",
    "record",
    "run",
    "studio",
    "template",
    "with_postgresql",
    "worker",
]


class Utc(TypeDecorator[datetime]):
    """An aware moment in UTC: `timestamptz` in PostgreSQL, fixed-width ISO text (which sorts) in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone can't be stored")
        utc = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        return utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


LIVE = text("state <> 'removed'")
"""The condition for a grant that is not over. Written out, because a parameter would keep SQLite from its index."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ON_POSTGRESQL = "where_on_postgresql"

BigId = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", BigId, primary_key=True, autoincrement=True)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that a condition holds for. SQLite uses it only for queries that hold the same words, so
    what they share stands below as a constant. The condition for PostgreSQL waits in `info` for `with_postgresql`."""
    on_postgresql = where.replace("IS 0", "IS false")
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={ON_POSTGRESQL: on_postgresql})


def with_postgresql(tables: MetaData) -> MetaData:
    """The tables with what only PostgreSQL is told about indexes, for whoever compares or writes schemas. Naming the
    dialect loads it, which takes longer than the tables themselves; whoever reads and writes rows needs none of it."""
    for table in tables.tables.values():
        for index in table.indexes:
            if (where := index.info.get(ON_POSTGRESQL)) is not None:
                index.dialect_options["postgresql"]["where"] = text(where)
    return tables


def _studio(*, primary_key: bool = False) -> Column[int]:
    reference = ForeignKey("studio.id", ondelete="CASCADE")
    return Column("studio_id", BigId, reference, nullable=False, primary_key=primary_key, autoincrement=False)


def _connection(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, BigId, ForeignKey("connection.id", ondelete="CASCADE"), nullable=False, primary_key=primary_key)


studio = Table(
    "studio",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("timezone", Text, nullable=False),
    Column("language", Text, nullable=False, default="en"),
    # Who gets alarm mails and the daily summary.
    Column("admin_email", Text),
    # What members get mails about, where it is not what everybody gets.
    Column("mail_options", Text),
    # The short random text that makes recovery markers ours and nobody else's.
    Column("instance", Text, nullable=False, unique=True),
    # Keys the fingerprints of codes; it outlives a rotation of the sealing key.
    Column("sealed_pepper", LargeBinary, nullable=False),
    Column("created_at", Utc, nullable=False),
)

connection = Table(
    "connection",
    metadata,
    _id(),
    _studio(),
    Column("name", Text, nullable=False),
    Column("plugin", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("sealed_secrets", LargeBinary),
    # Where secrets came from ({"api_secret": {"env": "NAME"}}), so that an export can say so without the secret.
    Column("secret_origins", Text, nullable=False, default="{}"),
    # Null for a source.
    Column("target_options", Text),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    UniqueConstraint("studio_id", "name"),
)

mapping = Table(
    "mapping",
    metadata,
    _id(),
    _studio(),
    Column("kind", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("source", Text),
    Column("target", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("ix_mapping_studio_target", "studio_id", "target"),
)

record = Table(
    "record",
    metadata,
    _id(),
    _connection("source_id"),
    Column("kind", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("owner", Text),
    Column("key", Text),
    Column("data", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # The read that last wrote this row; with the rows a read saw unchanged, that tells what it missed.
    Column("read_no", Integer, nullable=False),
    Column("missed", Integer, nullable=False, default=0),
    Column("changed_at", Utc, nullable=False),
    # Of sessions and bookings that have times of their own: a read of a window concludes from these what it missed.
    Column("starts_at", Utc),
    Column("ends_at", Utc),
    Column("deleted_at", Utc),
    # vanished: a complete read missed it. said: the source itself said so.
    Column("deleted_how", Text),
    UniqueConstraint("source_id", "kind", "record_id"),
    Index("ix_record_owner", "source_id", "owner"),
    _partial("ix_record_starts", "source_id", "kind", "starts_at", where="starts_at IS NOT NULL"),
    _partial("ix_record_key", "source_id", "kind", "key", where="key IS NOT NULL"),
)

reading = Table(
    "reading",
    metadata,
    _connection("source_id", primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("read_no", Integer, nullable=False, default=0),
    Column("count", Integer, nullable=False, default=0),
    Column("complete_at", Utc),
    Column("as_of", Utc),
    Column("why_not", Text),
)

agenda = Table(
    "agenda",
    metadata,
    _connection("target_id", primary_key=True),
    _connection("source_id", primary_key=True),
    Column("member", Text, primary_key=True),
    # Not null: this member is to be looked at. Drawn anew with every change, so that a pass that looked at an older
    # state does not clear a newer one. Below zero: it is pressing, and goes before the others.
    Column("stamp", BigInteger),
    # The next moment at which the clock alone changes what should be.
    Column("due_at", Utc),
    # Reason code of what keeps this member from what the rules would give (no_badge, held, …).
    Column("note", Text),
    _partial("ix_agenda_stamp", "target_id", where="stamp IS NOT NULL"),
    _partial("ix_agenda_due", "target_id", "due_at", where="due_at IS NOT NULL"),
    _partial("ix_agenda_note", "target_id", "note", where="note IS NOT NULL"),
)

link = Table(
    "link",
    metadata,
    _connection("target_id", primary_key=True),
    _connection("source_id", primary_key=True),
    Column("member", Text, primary_key=True),
    Column("vendor_id", Text),
    Column("by_hand", Boolean, nullable=False, default=False),
    # asked: a create was sent or was about to be. linked: the vendor's id is known. conflict: an admin has to look.
    Column("state", Text, nullable=False),
    Column("profile", Text),
    Column("note", Text),
    Column("asked_at", Utc),
    Column("linked_at", Utc),
    Index("ix_link_vendor", "target_id", "vendor_id"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Text, primary_key=True),
    _studio(),
    _connection("target_id"),
    _connection("source_id"),
    Column("member", Text, nullable=False),
    Column("name", Text, nullable=False, default=""),
    # What tells several grants of one member apart: "group", or a booking and door.
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Settled rows need no pass to look at them: active or removed, and as wanted.
    Column("settled", Boolean, nullable=False, default=False),
    # What the vendor was last asked to hold, and what it is known to hold.
    Column("wanted", Text),
    Column("applied", Text),
    Column("opens", Text, nullable=False, default=""),
    Column("valid_from", Utc),
    Column("valid_until", Utc),
    Column("vendor_id", Text),
    Column("person_id", Text),
    # Everything the hub ever put there for this grant: groups and badges it may take back.
    Column("ours", Text, nullable=False, default="{}"),
    Column("record", Text),
    Column("rule", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("reason_code", Text, nullable=False, default=""),
    Column("drift", Text),
    Column("notes", Text),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", Utc),
    # The lease's fencing token under which the last intent was written.
    Column("token", BigInteger, nullable=False, default=0),
    Column("sealed_code", LargeBinary),
    Column("code_print", Text),
    Column("sealed_url", LargeBinary),
    Column("admin_url", Text),
    Column("created_at", Utc, nullable=False),
    Column("asked_at", Utc),
    Column("changed_at", Utc, nullable=False),
    Column("removed_at", Utc),
    Index("ix_ledger_member", "target_id", "source_id", "member"),
    _partial("uq_ledger_live", "target_id", "source_id", "member", "key", unique=True, where=LIVE.text),
    _partial("ix_ledger_unsettled", "target_id", "next_try_at", where="settled IS 0"),
    Index("ix_ledger_listing", "studio_id", "created_at"),
    # The order in which grants are listed, with the ids in it: a hundred thousand are found without a sort.
    Index("ix_ledger_period", "studio_id", text("coalesce(valid_from, created_at)"), "id"),
    _partial("ix_ledger_code", "target_id", "code_print", where="code_print IS NOT NULL"),
)

ledger_event = Table(
    "ledger_event",
    metadata,
    _id(),
    Column("grant_id", Text, ForeignKey("ledger.id", ondelete="CASCADE"), nullable=False),
    Column("at", Utc, nullable=False),
    # created, changed, removed, failed, asked
    Column("what", Text, nullable=False),
    Column("opens", Text, nullable=False, default=""),
    Column("valid_from", Utc),
    Column("valid_until", Utc),
    Column("text", Text, nullable=False, default=""),
    Index("ix_ledger_event_grant", "grant_id", "at"),
)

event = Table(
    "event",
    metadata,
    # A class as the tracker holds it, or should. Kept for its results when it is over.
    Column("id", Text, primary_key=True),
    _studio(),
    _connection("target_id"),
    _connection("source_id"),
    Column("session_id", Text, nullable=False),
    Column("name", Text, nullable=False, default=""),
    Column("starts_at", Utc, nullable=False),
    Column("ends_at", Utc, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("box", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("settled", Boolean, nullable=False, default=False),
    # What the tracker was last asked to hold, and what it is known to hold.
    Column("wanted", Text),
    Column("applied", Text),
    Column("vendor_id", Text),
    Column("reason", Text, nullable=False, default=""),
    Column("reason_code", Text, nullable=False, default=""),
    Column("notes", Text),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", Utc),
    Column("token", BigInteger, nullable=False, default=0),
    # When the next look for results is due; null when there is nothing to fetch (any more).
    Column("results_due_at", Utc),
    Column("results_tries", Integer, nullable=False, default=0),
    Column("results_at", Utc),
    # When the seats were last compared with the tracker's.
    Column("compared_at", Utc),
    Column("created_at", Utc, nullable=False),
    Column("asked_at", Utc),
    Column("changed_at", Utc, nullable=False),
    Column("removed_at", Utc),
    _partial("uq_event_live", "target_id", "source_id", "session_id", "box", unique=True, where=LIVE.text),
    _partial("ix_event_unsettled", "target_id", "next_try_at", where="settled IS 0"),
    _partial("ix_event_results", "target_id", "results_due_at", where="results_due_at IS NOT NULL"),
    Index("ix_event_starts", "studio_id", "starts_at"),
    Index("ix_event_session", "source_id", "session_id"),
)

seat = Table(
    "seat",
    metadata,
    _id(),
    Column("event_id", Text, ForeignKey("event.id", ondelete="CASCADE"), nullable=False),
    Column("member", Text, nullable=False),
    Column("name", Text, nullable=False, default=""),
    Column("booking_id", Text, nullable=False, default=""),
    # What the rider booked, the tracker's id of that place, and the place that the tracker is known to hold for them.
    Column("spot", Text),
    Column("wanted", Text),
    Column("applied", Text),
    Column("state", Text, nullable=False),
    Column("settled", Boolean, nullable=False, default=False),
    Column("reason", Text, nullable=False, default=""),
    Column("reason_code", Text, nullable=False, default=""),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", Utc),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    Column("removed_at", Utc),
    _partial("uq_seat_live", "event_id", "member", unique=True, where=LIVE.text),
    Index("ix_seat_event", "event_id"),
)

result = Table(
    "result",
    metadata,
    # What a rider did in a class, in canonical names and units. What was not measured is absent.
    _id(),
    _studio(),
    Column("event_id", Text, ForeignKey("event.id", ondelete="CASCADE"), nullable=False),
    _connection("source_id"),
    Column("member", Text, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("vendor_person_id", Text, nullable=False),
    Column("seat", Text),
    # Health data: sealed, as codes are.
    Column("sealed_metrics", LargeBinary, nullable=False),
    # Names of metrics outside what is plausible: kept, shown with a mark, left out of rankings and bests.
    Column("implausible", Text, nullable=False, default="[]"),
    Column("sealed_unread", LargeBinary),
    Column("dropped", Boolean, nullable=False, default=False),
    # Staff gave it to this member by hand, so a later fetch doesn't give it back.
    Column("by_hand", Boolean, nullable=False, default=False),
    Column("arrived_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    UniqueConstraint("event_id", "vendor_person_id"),
    Index("ix_result_member", "source_id", "member", "starts_at"),
    Index("ix_result_studio", "studio_id", "starts_at"),
)

result_change = Table(
    "result_change",
    metadata,
    # What staff did to a result: reassigned, dropped, restored.
    _id(),
    Column("result_id", BigId, ForeignKey("result.id", ondelete="CASCADE"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("before", Text, nullable=False, default=""),
    Column("after", Text, nullable=False, default=""),
    Column("why", Text, nullable=False, default=""),
    Index("ix_result_change_result", "result_id", "at"),
)

own_word = Table(
    "own_word",
    metadata,
    # What a member said on their page: it goes before what the source says.
    _connection("source_id", primary_key=True),
    Column("member", Text, primary_key=True),
    Column("show_live", Boolean),
    # Weight, heart rates and the like, sealed; null where nothing was said.
    Column("sealed_profile", LargeBinary),
    Column("changed_at", Utc, nullable=False),
)

opening = Table(
    "opening",
    metadata,
    _connection("target_id", primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("opening_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("notes", Text),
    Column("seen_at", Utc, nullable=False),
)

plan = Table(
    "plan",
    metadata,
    Column("id", Text, primary_key=True),
    _studio(),
    _connection("target_id"),
    Column("hash", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    # open, applied, approved
    Column("state", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("ended_at", Utc),
    Index("ix_plan_target", "target_id", "made_at"),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    _studio(),
    Column("connection", Text, nullable=False),
    Column("flow", Text, nullable=False, default=""),
    Column("trigger", Text, nullable=False),
    # running, done, held, failed (some records), broken (nothing could be done), stopped
    Column("state", Text, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("counts", Text, nullable=False, default="{}"),
    Column("steps", Text, nullable=False, default="[]"),
    Column("calls", Text, nullable=False, default="{}"),
    Column("error", Text),
    # Somebody asked that it leaves off.
    Column("stop_asked_at", Utc),
    Index("ix_run_started", "studio_id", "started_at"),
    _partial("ix_run_running", "studio_id", "connection", where="state = 'running'"),
)

log = Table(
    "log",
    metadata,
    _id(),
    _studio(),
    Column("at", Utc, nullable=False),
    Column("level", Text, nullable=False),
    Column("run_id", Text),
    Column("connection", Text),
    Column("member", Text),
    Column("code", Text, nullable=False, default=""),
    Column("text", Text, nullable=False),
    Index("ix_log_studio", "studio_id", "id"),
    Index("ix_log_run", "run_id"),
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    _studio(),
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("connection", Text),
    Column("text", Text, nullable=False),
    Column("fix", Text, nullable=False, default=""),
    Column("weight", Integer, nullable=False, default=5),
    Column("since", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("solved_at", Utc),
    # When the admin got a mail about it.
    Column("told_at", Utc),
    _partial("uq_inbox_open", "studio_id", "code", "subject", unique=True, where="solved_at IS NULL"),
)

lane = Table(
    "lane",
    metadata,
    _connection("connection_id", primary_key=True),
    _studio(),
    Column("wake_at", Utc),
    Column("urgent", Boolean, nullable=False, default=False),
    Column("reason", Text, nullable=False, default=""),
    Column("generation", BigInteger, nullable=False, default=0),
    Column("lease_owner", Text),
    Column("lease_until", Utc),
    Column("token", BigInteger, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("attempted_at", Utc),
    Column("succeeded_at", Utc),
    Column("full_at", Utc),
    Column("down_since", Utc),
    Column("error", Text),
    Index("ix_lane_wake", "wake_at"),
)

poll = Table(
    "poll",
    metadata,
    _connection("connection_id", primary_key=True),
    Column("name", Text, primary_key=True),
    Column("read_at", Utc, nullable=False),
)

hook = Table(
    "hook",
    metadata,
    _connection("connection_id", primary_key=True),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    # What the vendor signs its webhooks with, where it gave out something of its own.
    Column("sealed_signing", LargeBinary),
    # Where the vendor was last told to send its webhooks, and when.
    Column("told_hash", Text),
    Column("told_at", Utc),
)

hint = Table(
    "hint",
    metadata,
    _id(),
    _studio(),
    _connection("connection_id"),
    Column("at", Utc, nullable=False),
    Column("data", Text, nullable=False),
    Index("ix_hint_connection", "connection_id", "id"),
)

delivery = Table(
    "delivery",
    metadata,
    _connection("connection_id", primary_key=True),
    Column("name", Text, primary_key=True),
    Column("until", Utc, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _studio(),
    # What the mail is about; unique, so that no second pass puts it in again.
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    # The member (or session) that it is about.
    Column("subject_id", Text, nullable=False, default=""),
    Column("sealed_text", LargeBinary, nullable=False),
    Column("sealed_html", LargeBinary),
    Column("message_id", Text, nullable=False),
    # queued, sending, sent, failed, unsure (a process ended while it handed the mail over)
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("created_at", Utc, nullable=False),
    Column("next_try_at", Utc),
    Column("handed_at", Utc),
    Column("sent_at", Utc),
    UniqueConstraint("studio_id", "name"),
    Index("ix_outbox_state", "state", "next_try_at"),
)

template = Table(
    "template",
    metadata,
    # A studio's own words for a kind of mail; without a row, the built-in ones are sent.
    _studio(primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    # Null: the mail has no HTML part.
    Column("html", Text),
    Column("changed_at", Utc, nullable=False),
)

worker = Table(
    "worker",
    metadata,
    # A process that works on lanes: host, pid and start time.
    Column("name", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("running", Integer, nullable=False, default=0),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    _studio(),
    Column("at", Utc, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    Index("ix_audit_studio", "studio_id", "id"),
)
