"""Log lines: bound to what they are about, and never with a secret in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hub import logs, redact

SECRET = "s3cret-of-the-door-9f2"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def test_no_line_escapes_the_redaction(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours, a library's, an exception's; in the text, in a value, under a telling name."""
    redact.know(SECRET)
    logs.configure(style="json")
    log = logs.get("hub.test")
    with logs.bind(connection="door"):
        log.info(f"with {SECRET}", said=SECRET, nested={"deep": [SECRET]}, api_secret="unknown-but-named")
        logging.getLogger("somebody.else").warning("uses %s", SECRET)
        try:
            raise ValueError(SECRET)
        except ValueError:
            log.exception("went wrong")
    said = capsys.readouterr().err
    assert SECRET not in said
    assert "unknown-but-named" not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["connection"] for line in lines] == ["door"] * 3
    assert "ValueError" in lines[2]["exception"]


def test_a_line_is_readable_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Words, not JSON."""
    logs.configure(style="console")
    logs.get("hub.test").warning("down", connection="door")
    said = capsys.readouterr().err
    assert "down" in said
    assert "connection=door" in said.replace("\x1b[0m", "").replace("\x1b[36m", "").replace("\x1b[35m", "")


def test_until_it_is_asked_for_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A command's output is its own."""
    logs.get("hub.test").error("down")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
