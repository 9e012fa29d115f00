"""Handing mails to the SMTP server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import aiosmtplib

from hub import logs, redact
from hub.clock import Clock
from hub.errors import UserError
from hub.notify import outbox
from hub.notify.about import what_of
from hub.notify.outbox import Queued
from hub.store import Database, journal
from hub.vault import Vault

if TYPE_CHECKING:
    from hub.core import Hub
    from hub.engine.engine import Engine

__all__ = ["Server", "read_url", "send_due", "send_mails"]

log = logs.get("hub.notify")
TIMEOUT = 30.0
UNSURE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Server:
    """Where mail goes out."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    sender: str

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port})"


def read_url(url: str) -> Server:
    """`smtp://user:secret@host:port`, `smtps://` for TLS from the start; `?from=address` names the sender.

    Without TLS from the start the connection is upgraded where the server offers it. Raises UserError.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise UserError(
            "STUDIOHUB_SMTP_URL can't be used", fix="Write smtp://user:secret@host:port, or smtps://…", code="smtp"
        )
    try:
        port = parts.port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25)
    except ValueError as error:
        raise UserError("STUDIOHUB_SMTP_URL has no usable port", code="smtp") from error
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    redact.know(password)
    query = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    sender = unquote(query.get("from", "")) or (user if user and "@" in user else f"studiohub@{parts.hostname}")
    return Server(parts.hostname, port, user, password, parts.scheme == "smtps", sender)


async def send_mails(hub: Hub | Engine) -> int:
    """Send what is due, where the installation has a mail server."""
    url = hub.settings.smtp_url
    if url is None:
        return 0
    return await send_due(hub.database, hub.vault, read_url(url.get_secret_value()), hub.clock)


async def send_due(database: Database, vault: Vault, server: Server, clock: Clock, *, limit: int = 20) -> int:
    """Send what is due; returns how many mails went out. A server that can't be reached leaves all of them queued."""
    async with database.write() as db:
        lost = await outbox.lost(db, before=clock.now() - UNSURE_AFTER)
    for mail_id in lost:
        log.error("a mail may or may not have gone out", mail=mail_id)
    async with database.read() as db:
        mails = await outbox.due(db, now=clock.now(), limit=limit)
    if not mails:
        return 0
    count, left = 0, list(mails)
    try:
        async with _client(server) as smtp:
            while left:
                count += await _send(database, vault, server, clock, smtp, left[0])
                left.pop(0)
    except (aiosmtplib.SMTPException, OSError) as error:
        said = redact.mask(str(error))
        log.warning("the mail server can't be used", said=said)
        for mail in left:
            # One that was being handed over stays as it is: it may have gone out.
            await _not_sent(database, clock, mail, f"{outbox.AWAY}{said}", final=False)
    else:
        if count:
            async with database.write() as db:
                await outbox.server_is_back(db, now=clock.now())
    return count


async def _not_sent(
    database: Database, clock: Clock, mail: Queued, said: str, *, final: bool, handed: bool = False
) -> None:
    """Put a mail off, or give it up and tell somebody."""
    async with database.write() as db:
        last = await outbox.not_sent(db, mail, error=said, final=final, handed=handed, now=clock.now())
        if last:
            await journal.raise_item(
                db,
                mail.studio_id,
                code="mail_failed",
                subject=f"mail {mail.id}",
                text=f"A mail to {mail.to} ({mail.subject}){await what_of(db, mail)} could not be sent: {said}.",
                fix=f"Correct what is wrong; then `studiohub mail --again {mail.id}`.",
                weight=5,
                now=clock.now(),
            )


def _client(server: Server) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls,
        start_tls=None if not server.tls else False,
        timeout=TIMEOUT,
    )


async def _send(
    database: Database, vault: Vault, server: Server, clock: Clock, smtp: aiosmtplib.SMTP, mail: Queued
) -> int:
    """Send one; 1 where it went out."""
    try:
        message, address = _message(vault, server, clock, mail), _address(mail.to)
    except (ValueError, UserError) as error:
        # Nothing that waiting would mend, and no reason to keep the others waiting.
        await _not_sent(database, clock, mail, f"it can't be put together: {error}", final=True)
        return 0
    try:
        await smtp.mail(server.sender)
        await smtp.rcpt(address)
    except aiosmtplib.SMTPResponseException as error:
        said = redact.mask(f"{error.code} {error.message}")
        await _not_sent(database, clock, mail, said, final=500 <= error.code < 600)
        await smtp.rset()
        return 0
    async with database.write() as db:
        if not await outbox.handing_over(db, mail.id, now=clock.now()):
            await smtp.rset()
            return 0
    try:
        await smtp.data(message.as_bytes())
    except aiosmtplib.SMTPResponseException as error:
        said = redact.mask(f"{error.code} {error.message}")
        await _not_sent(database, clock, mail, said, final=500 <= error.code < 600, handed=True)
        return 0
    async with database.write() as db:
        await outbox.sent(db, mail.id, now=clock.now())
    return 1


def _address(text: str) -> str:
    """An address as it travels: the domain in its ASCII form. Raises ValueError where the part before the @ is not
    ASCII, which few servers take."""
    name, _, domain = text.rpartition("@")
    if not name.isascii():
        raise ValueError(f"the address {text} has letters before the @ that mail servers don't take")
    return f"{name}@{domain.encode('idna').decode()}"


def _message(vault: Vault, server: Server, clock: Clock, mail: Queued) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address(mail.sender_name, addr_spec=server.sender) if mail.sender_name else server.sender
    message["To"] = _address(mail.to)
    message["Subject"] = mail.subject
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(clock.now())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(vault.open(mail.text))
    if mail.html is not None:
        message.add_alternative(vault.open(mail.html), subtype="html")
    return message
