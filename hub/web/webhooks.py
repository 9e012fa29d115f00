"""Webhooks: authenticated by a secret address and by the plugin, kept as hints, answered at once.

A delivery is never the data: it only says what to read again. So what arrives twice does no harm, and what never
arrives is found by the next read.
"""

from __future__ import annotations

import asyncio
import hmac
from datetime import timedelta

from sqlalchemy import select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from hub import logs, redact
from hub.engine import hints
from hub.engine.engine import Engine
from hub.errors import FixSettings, HubError
from hub.grants import WebhookRequest
from hub.store import tables as t

__all__ = ["LARGEST_BODY", "LONGEST_READ", "receive"]

LARGEST_BODY = 1024 * 1024
LONGEST_READ = 5.0
REPEATS_WITHIN = timedelta(hours=24)
"""A delivery that names itself is taken once within this time."""

log = logs.get("hub.web")


async def receive(engine: Engine, request: Request) -> Response:
    """Take one delivery. 202: kept, or known already; 401: not from the vendor; 404: no such address."""
    secret = request.path_params["secret"]
    address = await _find(engine, request.path_params["connection"], secret)
    if address is None:
        return JSONResponse({"error": "no such address"}, status_code=404)
    # Only one that is ours: whatever strangers guess would be kept for ever.
    redact.know(secret)
    connection_id, name, studio_id = address
    try:
        async with asyncio.timeout(LONGEST_READ):
            body = await _read(request)
    except TimeoutError:
        return JSONResponse({"error": "the body did not arrive in time"}, status_code=408)
    except ClientDisconnect:
        return Response(status_code=400)
    if body is None:
        return JSONResponse({"error": f"larger than {LARGEST_BODY} bytes"}, status_code=413)
    with logs.bind(connection=name):
        return await _take(engine, request, body, connection_id=connection_id, studio_id=studio_id)


async def _find(engine: Engine, name: str, secret: str) -> tuple[int, str, int] | None:
    """The connection that a secret address belongs to. Looked up by the secret's hash, so timing tells nothing."""
    digest = hints.hash_of(secret)
    h, c = t.hook.c, t.connection.c
    query = (
        select(c.id, c.name, c.studio_id, h.secret_hash)
        .join(t.hook, h.connection_id == c.id)
        .where(h.secret_hash == digest)
    )
    async with engine.database.read() as db:
        row = (await db.execute(query)).one_or_none()
    if row is None or row.name != name or not hmac.compare_digest(row.secret_hash, digest):
        return None
    return row.id, row.name, row.studio_id


async def _read(request: Request) -> bytes | None:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LARGEST_BODY:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


async def _take(engine: Engine, request: Request, body: bytes, *, connection_id: int, studio_id: int) -> Response:
    delivery = WebhookRequest(
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        query=dict(request.query_params),
        secret=request.path_params["secret"],
    )
    try:
        hub, row = await engine.open_row(connection_id)
        connection = await hub.open_connection(row)
        found = await engine.plugins.call(connection, "read_webhook", request=delivery, timeout=5.0)
    except FixSettings as error:
        log.warning("webhook refused", reason=error.what)
        return JSONResponse({"error": "not accepted"}, status_code=401)
    except HubError as error:
        log.warning("webhook not understood", reason=str(error))
        return JSONResponse({"error": "not understood"}, status_code=422)
    async with engine.database.write() as db:
        kept = await hints.keep(
            db,
            connection_id,
            studio_id,
            found,
            now=engine.clock.now(),
            repeats_within=REPEATS_WITHIN,
        )
    if kept:
        await engine.poke([connection_id], urgent=True)
    return JSONResponse({"kept": kept}, status_code=202)
