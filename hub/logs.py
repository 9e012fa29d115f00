"""Log lines: JSON for machines, readable on a terminal, and no line that escapes the redaction.

`bind` ties run, connection and member to every line that follows in the same task. The standard library's loggers
(uvicorn, PgQueuer, SQLAlchemy) go through the same processors.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog

from hub import redact

__all__ = ["Style", "bind", "configure", "get"]

# Until `configure` is called nothing is printed: a command says what it has to say itself.
logging.getLogger("hub").addHandler(logging.NullHandler())
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)

Style = Literal["json", "console", "auto"]

_QUIET = {"httpx": "WARNING", "httpcore": "WARNING", "pgqueuer": "WARNING", "uvicorn": "WARNING"}


def configure(*, style: Style = "auto", level: str = "INFO") -> None:
    """Send every log line of this process to standard error, in that style (`auto`: JSON unless it is a terminal)."""
    plain = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact,
    ]
    render: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if plain
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _redact, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(logging.getLevelName(least), logging.getLevelName(level)))


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name not in {"timestamp", "level", "_record", "_from_structlog"}:
            event[name] = redact.mask_value(value, name if name != "event" else "")
    return event


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bind(**values: Any) -> AbstractContextManager[Any]:
    """Tie these values to every line inside the block."""
    return structlog.contextvars.bound_contextvars(**values)
