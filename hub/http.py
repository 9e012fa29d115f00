"""The one module that speaks HTTP to vendors, and the only one that imports httpx.

A `Client` belongs to one connection. It paces its requests, retries what may be repeated, honours `Retry-After`, and
turns everything that can go wrong into the errors of `hub.errors`. What it never does is repeat a request that may have
changed something: a lost answer to such a request is `Unconfirmed`.
"""

from __future__ import annotations

import email.utils
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import stamina
from aiolimiter import AsyncLimiter

from hub import redact
from hub.errors import FixSettings, NotFound, Refused, RetryLater, Unconfirmed, VendorError

__all__ = ["Answer", "Client", "Counters", "answering", "asgi", "transports", "watchers", "write_guard"]

# These would log addresses and headers, with whatever secret is in them.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# Retries are counted here and told in errors; stamina's own log line would name the call with its arguments.
stamina.instrumentation.set_on_retry_hooks([])

LONGEST_PAUSE = timedelta(seconds=5)
"""A `Retry-After` up to this long is waited for on the spot; a longer one goes back to whoever schedules."""

LONGEST_ASKED = timedelta(days=1)
"""What a vendor asks for beyond this is taken for a mistake."""

LARGEST_ANSWER = 64 * 1024 * 1024

READS = frozenset({"GET", "HEAD"})

SAYS_NOTHING = frozenset({"", "all connection attempts failed", "connection refused"})
"""What the machine says of an address where nobody listens."""

LOOKED_AT = "The vendor is looked at before anything is repeated."

SENTENCES = ("message", "detail", "error", "detailMessage", "description", "title", "non_field_errors", "errors")
"""Where vendors put a sentence about what went wrong."""

watchers: list[Callable[[str, str, str, float], None]] = []
"""Told of every request: connection, method, status (or "none"), seconds. For metrics."""

write_guard: ContextVar[Callable[[], None] | None] = ContextVar("write_guard", default=None)
"""Called before every request that may change something; what it raises keeps the request from being sent. Whoever
holds a lane sets it, so a process that was frozen and lost its lane sends nothing more when it comes back."""

transports: dict[str, httpx.AsyncBaseTransport] = {}
"""Base addresses answered in this process instead of over the network: simulators in tests."""


def asgi(app: Any) -> httpx.AsyncBaseTransport:
    """A transport that hands requests to an ASGI application in this process. Where the application raises
    ConnectionRefusedError or ConnectionResetError, the caller sees a host that is down or a connection that broke."""
    return _InProcess(app=app)


class _InProcess(httpx.ASGITransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except ConnectionRefusedError as error:
            raise httpx.ConnectError("connection refused", request=request) from error
        except ConnectionResetError as error:
            raise httpx.ReadError("connection reset", request=request) from error


@dataclass
class Counters:
    """What a client has done so far. `writes` are requests that may change something."""

    reads: int = 0
    writes: int = 0
    failures: int = 0
    seconds: float = 0.0
    by_status: dict[int, int] = field(default_factory=dict)

    def since(self, before: Counters) -> Counters:
        """What was done after `before`."""
        return Counters(
            self.reads - before.reads,
            self.writes - before.writes,
            self.failures - before.failures,
            self.seconds - before.seconds,
            {status: count - before.by_status.get(status, 0) for status, count in self.by_status.items()},
        )


@dataclass(frozen=True)
class Answer:
    """A vendor's answer. `where` names the call, for errors; `repeatable` says whether it may be made again."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    where: str
    repeatable: bool = True

    def json(self) -> Any:
        """The body as JSON. Raises RetryLater for a body that isn't: a proxy's page, half an answer. Where the request
        may have changed something, such an answer says as little as a lost one, so it is Unconfirmed."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            kind = self.headers.get("content-type", "no content type")
            raise _garbage(
                f"{self.where} answered {self.status} with something that is not JSON ({kind})",
                said=excerpt(self.content),
                repeatable=self.repeatable,
            ) from error

    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""
        return self.content.decode("utf-8", "replace")


class _TryAgain(Exception):
    """Internal: this attempt failed in a way that may be repeated. Carries the error to end with."""

    def __init__(self, error: VendorError, after: timedelta | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Client:
    """HTTP calls of one connection to one vendor.

    `per_second` paces all requests evenly; None or 0 does not pace. `name` is the connection's, for errors. `attempts`
    counts the first try too.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        login: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        per_second: float | None = None,
        timeout: float = 10.0,
        attempts: int = 3,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = name
        self.counters = Counters()
        self._attempts = attempts
        self._limiter = AsyncLimiter(1, 1 / per_second) if per_second else None
        if login:
            redact.know_login(*login)
        self._http = httpx.AsyncClient(
            auth=httpx.BasicAuth(*login) if login else None,
            headers={"User-Agent": "studiohub", **(headers or {})},
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            transport=_transport_for(self.base_url),
        )

    async def aclose(self) -> None:
        """Close the connections. The client can't be used afterwards."""
        await self._http.aclose()

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Answer:
        """Read something. Raises NotFound, RetryLater, FixSettings or Refused."""
        return await self.call("GET", path, params=params)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = msgspec.UNSET,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        reads: bool | None = None,
        accept: Iterable[int] = (),
    ) -> Answer:
        """Send one request and return the answer.

        `reads` says that it changes nothing although its method could: it counts as a read, may be repeated and is sent
        whoever holds the lane. `repeatable` says that sending it twice does what sending it once does, as it is for
        every read; only such requests are retried after their answer is lost. `accept` names statuses outside 2xx that
        the caller wants to see. Otherwise 400 and 422 raise Refused, 401 and 403 FixSettings, 404 and 410 NotFound, 429
        and 5xx RetryLater (Unconfirmed where the request may have changed something).
        """
        request = self._http.build_request(
            method,
            self.base_url + path,
            params=params,
            content=None if json is msgspec.UNSET else msgspec.json.encode(json),
            data=form,
            headers={**({} if json is msgspec.UNSET else {"Content-Type": "application/json"}), **(headers or {})},
        )
        if reads is None:
            reads = request.method in READS
        if repeatable is None:
            repeatable = reads
        where = f"{self.name}: {method} {request.url.path}"
        wanted = frozenset(accept)
        try:
            # Nearly every request is answered at the first attempt, and a retry context costs more than all else that
            # is done around it.
            return await self._once(request, where, reads=reads, repeatable=repeatable, accept=wanted)
        except _TryAgain as error:
            first: _TryAgain | None = error
        except VendorError:
            self.counters.failures += 1
            raise
        try:
            async for attempt in stamina.retry_context(
                on=_pause_before_next,
                attempts=self._attempts,
                timeout=60.0,
                wait_initial=0.1,
                wait_max=3.0,
                wait_jitter=0.05,
                wait_exp_base=4,
            ):
                with attempt:
                    if first is not None:
                        failed, first = first, None
                        raise failed
                    return await self._once(request, where, reads=reads, repeatable=repeatable, accept=wanted)
        except _TryAgain as last:
            self.counters.failures += 1
            raise last.error from last.__cause__
        except VendorError:
            self.counters.failures += 1
            raise
        raise AssertionError("unreachable: a retry context ends by returning or raising")

    async def _once(
        self, request: httpx.Request, where: str, *, reads: bool, repeatable: bool, accept: frozenset[int]
    ) -> Answer:
        if self._limiter is not None:
            await self._limiter.acquire()
        if reads:
            self.counters.reads += 1
        else:
            guard = write_guard.get()
            if guard is not None:
                guard()
            self.counters.writes += 1
        started = time.perf_counter()
        response: httpx.Response | None = None
        try:
            response = await self._http.send(request, stream=True)
            try:
                content = await _read(response, where, repeatable=repeatable)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _TryAgain(_unreached(self.name, request, error)) from error
        except httpx.PoolTimeout as error:
            raise _TryAgain(_down(where, error)) from error
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
            raise FixSettings(
                f"{where} can't be sent", said=_words(error), fix="Check base_url and the credentials."
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            if repeatable:
                raise _TryAgain(_down(where, error)) from error
            raise Unconfirmed(
                f"{where}: the answer was lost, so it is not known whether it took effect",
                said=_words(error),
                fix=LOOKED_AT,
            ) from error
        finally:
            took = time.perf_counter() - started
            self.counters.seconds += took
            for watch in watchers:
                watch(self.name, request.method, str(response.status_code) if response is not None else "none", took)
        status = response.status_code
        self.counters.by_status[status] = self.counters.by_status.get(status, 0) + 1
        answer = Answer(status, response.headers, content, where, repeatable)
        if 200 <= status < 300 or status in accept:
            return answer
        _raise_for(answer, repeatable=repeatable)
        raise AssertionError("unreachable: every other status raises")


def _transport_for(base_url: str) -> httpx.AsyncBaseTransport | None:
    for prefix, transport in transports.items():
        if base_url.startswith(prefix):
            return transport
    return None


async def _read(response: httpx.Response, where: str, *, repeatable: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > LARGEST_ANSWER:
            raise _garbage(f"{where} sent more than {LARGEST_ANSWER >> 20} MiB", repeatable=repeatable)
        parts.append(part)
    return b"".join(parts)


def _raise_for(answer: Answer, *, repeatable: bool) -> None:
    status, where, said = answer.status, answer.where, vendor_words(answer)
    if status in {401, 403}:
        raise FixSettings(
            f"{where} was refused ({status})",
            said=said,
            fix="Check the credentials of this connection and what the vendor allows them to do, then verify it.",
        )
    if status in {404, 410}:
        raise NotFound(f"{where} does not exist at the vendor ({status})", said=said)
    if status == 429:
        error = RetryLater(f"{where}: the vendor asks for a pause (429)", said=said, after=retry_after(answer))
        raise _TryAgain(error, error.after)
    if status >= 500 or status == 408:
        after = retry_after(answer)
        if repeatable:
            busy = RetryLater(f"{where} answered {status}", said=said, after=after)
            raise _TryAgain(busy, after)
        raise Unconfirmed(
            f"{where} answered {status}, so it is not known whether it took effect", said=said, fix=LOOKED_AT
        )
    if 300 <= status < 400:
        raise FixSettings(
            f"{where} answered {status}, a redirect, which is never followed",
            said=answer.headers.get("location", ""),
            fix="Check base_url.",
            code="redirect",
        )
    raise Refused(f"{where} was refused ({status})", said=said, fix="")


def _pause_before_next(error: Exception) -> bool | float:
    if not isinstance(error, _TryAgain):
        return False
    if error.after is None:
        return True
    return error.after.total_seconds() if error.after <= LONGEST_PAUSE else False


def retry_after(answer: Answer) -> timedelta | None:
    """The pause a `Retry-After` header asks for (seconds or an HTTP date), None without a readable one."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_ASKED)
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(answer.headers.get("date", "")) or datetime.now(UTC)
    return min(max(timedelta(0), until - now), LONGEST_ASKED)


def _http_date(text: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def vendor_words(answer: Answer) -> str:
    """What the vendor said about a refusal, from the usual places of a JSON body, else the start of the text."""
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return excerpt(answer.content)
    words = _words_in(body) if isinstance(body, dict) else ""
    return redact.mask(words)[:300] or excerpt(answer.content)


def _words_in(value: Any) -> str:
    """The sentence in an error body: `{"error": {"message": …}}`, `{"errors": [{"detail": …}, …]}` and the like."""
    if isinstance(value, dict):
        return next((words for name in SENTENCES if (words := _words_in(value.get(name)))), "")
    if isinstance(value, list):
        return "; ".join(words for item in value[:3] if (words := _words_in(item)))
    return str(value) if value and value is not True else ""


def excerpt(content: bytes, length: int = 200) -> str:
    """The start of a body on one line, without secrets."""
    text = " ".join(content[: length * 4].decode("utf-8", "replace").split())
    return redact.mask(text)[:length]


def _garbage(what: str, *, said: str = "", repeatable: bool) -> VendorError:
    if not repeatable:
        return Unconfirmed(f"{what}, so it is not known whether it took effect", said=said, fix=LOOKED_AT)
    fix = "It is asked again later; if it stays so, check base_url."
    return RetryLater(what, said=said, fix=fix, code="vendor_garbage")


def _down(where: str, error: Exception) -> RetryLater:
    return RetryLater(f"{where}: no answer", said=_words(error), code="vendor_down")


def _unreached(name: str, request: httpx.Request, error: Exception) -> RetryLater:
    """Nobody was there to say anything: the machine's own words are told only where they say why."""
    why = "" if str(error).casefold() in SAYS_NOTHING else f": {redact.mask(str(error))}"
    where = f"{request.url.scheme}://{request.url.netloc.decode('ascii', 'replace')}"
    return RetryLater(f"{name} could not be reached at {where}{why}", code="vendor_down")


def _words(error: Exception) -> str:
    return redact.mask(str(error)) or type(error).__name__


@asynccontextmanager
async def answering(prefix: str, app: Any) -> AsyncIterator[None]:
    """While inside, requests to addresses that start with `prefix` are answered by an ASGI application."""
    transports[prefix] = asgi(app)
    try:
        yield
    finally:
        transports.pop(prefix, None)
