"""Webhooks: authenticated by a secret address and by the plugin, kept as hints, answered at once.

A delivery is never the data: it only says what to read again. So what arrives twice does no harm, and what never
arrives is found by the next read.
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from hub import logs, redact
from hub.engine.hints import Delivery
from hub.errors import FixSettings, HubError
from hub.grants import WebhookRequest
from hub.web.intake import Address, Intake

__all__ = ["LARGEST_BODY", "LONGEST_READ", "receive"]

LARGEST_BODY = 1024 * 1024
LONGEST_READ = 5.0
log = logs.get("hub.web")


async def receive(intake: Intake, request: Request) -> Response:
    """Take one delivery. 202: kept, or known already; 401: not from the vendor; 404: no such address."""
    secret = request.path_params["secret"]
    address = await intake.address(request.path_params["connection"], secret)
    if address is None:
        return JSONResponse({"error": "no such address"}, status_code=404)
    # Only one that is ours: whatever strangers guess would be kept for ever.
    redact.know(secret)
    try:
        async with asyncio.timeout(LONGEST_READ):
            body = await _read(request)
    except TimeoutError:
        return JSONResponse({"error": "the body did not arrive in time"}, status_code=408)
    except ClientDisconnect:
        return Response(status_code=400)
    if body is None:
        return JSONResponse({"error": f"larger than {LARGEST_BODY} bytes"}, status_code=413)
    with logs.bind(connection=address.row.name):
        return await _take(intake, request, body, address)


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


async def _take(intake: Intake, request: Request, body: bytes, address: Address) -> Response:
    engine = intake.engine
    signing = address.sealed_signing
    delivery = WebhookRequest(
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
        query=dict(request.query_params),
        secret=request.path_params["secret"],
        signing_secret=engine.vault.open(signing) if signing is not None else None,
    )
    try:
        connection = await engine.hub_of(address.studio).open_connection(address.row)
        found = await engine.plugins.call(connection, "read_webhook", request=delivery, timeout=5.0)
    except FixSettings as error:
        log.warning("webhook refused", reason=error.what)
        return JSONResponse({"error": "not accepted"}, status_code=401)
    except HubError as error:
        log.warning("webhook not understood", reason=str(error))
        return JSONResponse({"error": "not understood"}, status_code=422)
    kept = await intake.keep(Delivery(address.row.id, address.studio.id, found))
    return JSONResponse({"kept": kept}, status_code=202)
