"""Secrets and door codes: in no log, no error, no check, no repr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from hub.errors import HubError
from hub.plugins import Ability
from hub.testing.conformance import wishes
from hub.testing.conformance.bench import Bench
from hub.testing.conformance.between import Answered
from hub.testing.conformance.errands import came_of, errands
from hub.testing.conformance.kit import Kit, plain
from hub.testing.conformance.promise import expect, promise

__all__ = ["SecretsKit"]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''}")


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Every log line of this process, before the hub masks it."""
    handler, root = _Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _echo(answered: Answered) -> tuple[int, bytes] | None:
    """A vendor that repeats what it was sent in what it says about a refusal."""
    if answered.method in {"GET", "HEAD"}:
        return None
    said = answered.asked.decode("utf-8", "replace")
    return 400, msgspec.json.encode({"message": f"not acceptable: {said}"})


class SecretsKit(Kit):
    """Every plugin."""

    @promise()
    async def test_secrets_are_told_to_nobody(self) -> None:
        """Not when all is well, and not when the vendor refuses, is down, or repeats what it was sent."""
        async with self.vendor() as bench:
            names = self.described().settings.secret_names() & bench.settings.keys()
            secrets = {name: plain(bench.settings[name]) for name in names}
        texts: list[str] = []
        with _logged() as lines:
            for fault in ("", "outage", "unauthorized", "status=400", "garbage") if self._networked() else ("",):
                texts += await self._said(fault)
            async with self.vendor() as bench:
                wrong = self.wrong_settings(bench)
                secrets.update({f"wrong {name}": plain(value) for name, value in wrong.items()})
                bench.restart(**wrong)
                texts += await _checked(bench)
                texts += [repr(bench.connection), repr(bench.connection.settings)]
        for name, secret in secrets.items():
            expect(not any(secret in line for line in lines), f"{name} stands in a log line")
            expect(not any(secret in text for text in texts), f"{name} stands in an error, a check, or a repr")

    def _networked(self) -> bool:
        return self.described().simulator is not None

    async def _said(self, fault: str) -> list[str]:
        """All that checks, errors and outcomes say under a fault."""
        async with self.vendor() as bench:
            kinds = errands(bench) if self._networked() else []
            if fault:
                bench.vendor.faults.set(fault)
            texts = await _checked(bench)
        for errand in kinds:
            async with self.vendor() as bench:
                do = await errand.prepare(bench)
                if fault:
                    bench.vendor.faults.set(fault)
                came = await came_of(errand, bench, do)
                texts += [repr(came.result), *(text for error in came.errors for text in _words(error))]
        return texts

    @promise(kinds=["lock"], any_of=[Ability.CODES], abilities=[Ability.LOCKS], network=True)
    async def test_door_codes_are_told_to_nobody(self) -> None:
        """A code is in the answer's own field and nowhere else, even where the vendor repeats it."""
        for repeats in (False, True):
            async with self.vendor() as bench:
                wanted = await wishes.grant_for(bench, "lock")
                code = str(wanted.code)
                if repeats:
                    bench.wire.change = _echo
                texts = [repr(wanted)]
                with _logged() as lines:
                    try:
                        granted = await bench.call("grant_access", grant=wanted)
                        texts += [repr(granted), *(f"{note.text} {note.fix}" for note in granted.notes)]
                    except HubError as error:
                        texts += _words(error)
                where = "when the vendor repeats it in a refusal" if repeats else "when all is well"
                expect(not any(code in text for text in texts), f"the code stands in an error or a note {where}")
                expect(not any(code in line for line in lines), f"the code stands in a log line {where}")


async def _checked(bench: Bench) -> list[str]:
    try:
        checks = await bench.call("verify")
    except HubError as error:
        return _words(error)
    return [f"{check.title} {check.said} {check.fix} {check!r}" for check in checks]


def _words(error: BaseException) -> list[str]:
    """What an error says, and what it came from."""
    cause = error.__cause__
    return [f"{error} {error!r} {getattr(error, 'said', '')}", *([repr(cause)] if isinstance(cause, HubError) else [])]
