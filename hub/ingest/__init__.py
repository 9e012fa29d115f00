"""Booking system → records: reading a source, and knowing what is really gone."""

from __future__ import annotations

from hub.ingest.read import KindCount, ReadReport, read_source

__all__ = ["KindCount", "ReadReport", "read_source"]
