"""The database: one SQLite file or a PostgreSQL server, the same code for both."""

from __future__ import annotations

from hub.store.database import Database, upsert

__all__ = ["Database", "upsert"]
