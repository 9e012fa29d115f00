"""Results as a table, for other programs: CSV always, Parquet and Arrow where pyarrow is installed."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from hub import times
from hub.classes.rides import METRICS, Ride
from hub.errors import UserError

__all__ = ["COLUMNS", "FORMATS", "cells", "writing"]

COLUMNS = ("id", "session", "class", "starts_at", "ends_at", "timezone", "member", "seat", *METRICS, "implausible")
"""The columns of a table, in their order. Names and units of the metrics are canonical."""

FORMATS = (".csv", ".parquet", ".arrow")


def cells(ride: Ride) -> dict[str, Any]:
    """A ride as a row. What was not measured is None."""
    return {
        "id": ride.result_id,
        "session": ride.session,
        "class": ride.name,
        "starts_at": ride.starts_at,
        "ends_at": ride.ends_at,
        "timezone": ride.timezone,
        "member": ride.member,
        "seat": ride.seat,
        **{name: ride.metrics.get(name) for name in METRICS},
        "implausible": sorted(ride.implausible),
    }


class Table(Protocol):
    """Takes rows, piece by piece."""

    def write(self, rides: Sequence[Ride]) -> None:
        """Add these rows."""
        ...


@contextmanager
def writing(file: Path) -> Iterator[Table]:
    """A table that becomes `file` when the block ends well, and nothing when it doesn't. Only its owner can read it: it
    is health data. The ending says the format. Raises UserError."""
    make = {".csv": _csv, ".parquet": _parquet, ".arrow": _arrow}.get(file.suffix.lower())
    if make is None:
        raise UserError(f"{file.name} has no ending that says how to write it", fix=f"Use {', '.join(FORMATS)}.")
    arrow = _pyarrow(file) if make is not _csv else None
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            with _for_its_owner(draft) as stream, make(stream, arrow) as table:
                yield table
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        fix = "Choose a file that you may write, in a folder that exists."
        raise UserError(f"{file} can't be written", said=error.strerror or "", fix=fix) from error


@contextmanager
def _for_its_owner(path: Path) -> Iterator[io.BufferedWriter]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream


def _pyarrow(file: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            f"{file.suffix} files need pyarrow, which is not installed",
            fix='`pip install "studiohub[arrow]"`, or write a .csv file.',
            code="no_pyarrow",
        ) from error
    return pyarrow


class _Csv:
    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._writer = csv.DictWriter(stream, COLUMNS, lineterminator="\r\n")
        self._writer.writeheader()

    def write(self, rides: Sequence[Ride]) -> None:
        for ride in rides:
            self._writer.writerow({name: _text(value) for name, value in cells(ride).items()})


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(value)
    if hasattr(value, "tzinfo"):
        return times.to_text(value)
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        # A spreadsheet would run it as a formula.
        return f"'{value}"
    return value


@contextmanager
def _csv(stream: io.BufferedWriter, _arrow: Any) -> Iterator[Table]:
    with io.TextIOWrapper(stream, encoding="utf-8", newline="") as text:
        yield _Csv(text)


class _Batches:
    def __init__(self, arrow: Any, schema: Any, writer: Any) -> None:
        self._arrow, self._schema, self._writer = arrow, schema, writer

    def write(self, rides: Sequence[Ride]) -> None:
        batch = self._arrow.RecordBatch.from_pylist([cells(ride) for ride in rides], schema=self._schema)
        self._writer.write_batch(batch)


def _schema(arrow: Any) -> Any:
    moment, texts = arrow.timestamp("us", tz="UTC"), arrow.list_(arrow.string())
    kinds: Mapping[str, Any] = {"id": arrow.int64(), "starts_at": moment, "ends_at": moment, "implausible": texts}
    fields = []
    for name in COLUMNS:
        metric = METRICS.get(name)
        kind = arrow.float64() if metric is not None else kinds.get(name, arrow.string())
        fields.append(arrow.field(name, kind, metadata={"unit": metric.unit} if metric is not None else None))
    return arrow.schema(fields)


@contextmanager
def _parquet(stream: io.BufferedWriter, arrow: Any) -> Iterator[Table]:
    schema = _schema(arrow)
    with arrow.parquet.ParquetWriter(stream, schema) as writer:
        yield _Batches(arrow, schema, writer)


@contextmanager
def _arrow(stream: io.BufferedWriter, arrow: Any) -> Iterator[Table]:
    schema = _schema(arrow)
    with arrow.ipc.new_file(stream, schema) as writer:
        yield _Batches(arrow, schema, writer)
