"""The database: one SQLite file or a PostgreSQL server, the same code for both."""

from __future__ import annotations

from hub.store.database import Database, among, upsert, upsert_many
from hub.store.sqlite import in_place

__all__ = ["Database", "among", "in_place", "upsert", "upsert_many"]
