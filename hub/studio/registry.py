"""Studios, connections and mapping rows in the database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import redact
from hub.errors import UserError
from hub.plugins import Plugin
from hub.settings import ConnectionSettings, TargetOptions
from hub.store import tables as t
from hub.studio.file import ConnectionSpec, nearest
from hub.studio.model import ROW_KINDS, MailSection, Row, StudioSection
from hub.vault import Vault

__all__ = [
    "ConnectionRow",
    "MappingRow",
    "Studio",
    "any_studio",
    "connection_by_id",
    "connections",
    "delete_connection",
    "find_studio",
    "mail_section",
    "mapping_rows",
    "replace_mapping",
    "save_connection",
    "save_mail",
    "save_studio",
    "studio_named",
    "studios_with_admin",
]


_AS_USUAL = MailSection()


@dataclass(frozen=True)
class Studio:
    """One studio (tenant) of the database."""

    id: int
    name: str
    timezone: str
    language: str
    instance: str
    sealed_pepper: bytes
    admin_email: str | None = None
    created_at: datetime | None = None
    mail: MailSection = _AS_USUAL

    @property
    def section(self) -> StudioSection:
        """The studio as `[studio]` of a file."""
        names = ("name", "timezone", "language", "admin_email")
        return StudioSection.model_validate({name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class ConnectionRow:
    """A connection as stored: its secrets are still sealed."""

    id: int
    studio_id: int
    name: str
    plugin: str
    settings: Mapping[str, Any]
    sealed_secrets: bytes | None
    secret_origins: Mapping[str, Any]
    options: TargetOptions | None
    created_at: datetime

    def open_settings(self, plugin: Plugin, vault: Vault) -> ConnectionSettings:
        """The settings with their secrets in clear. Raises UserError where the plugin no longer takes them."""
        values = dict(self.settings)
        if self.sealed_secrets is not None:
            values |= json.loads(vault.open(self.sealed_secrets))
        try:
            made = plugin.settings.model_validate(values)
        except ValidationError as error:
            names = ", ".join(sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]}))
            raise UserError(
                f"the settings of {self.name!r} don't fit plugin {self.plugin!r}",
                said=names,
                fix="Import the studio file again, or set them in the terminal UI.",
                code="settings",
            ) from error
        redact.know(*made.secrets().values())
        return made


@dataclass(frozen=True)
class MappingRow:
    """A mapping row as stored. `position` counts from 1 within its table, as people see it."""

    id: int
    kind: str
    position: int
    source: str
    target: str
    row: Row


async def find_studio(connection: AsyncConnection, name: str | None = None) -> Studio | None:
    """The studio of that name, or the only one there is. Raises UserError where the choice is open."""
    if name is not None and (named := await studio_named(connection, name)) is not None:
        return named
    names = list((await connection.execute(select(t.studio.c.name).order_by(t.studio.c.id))).scalars())
    if not names:
        return None
    if name is not None:
        raise UserError(f"there is no studio {name!r}; {nearest(name, names)}", code="no_studio")
    if len(names) > 1:
        listed = ", ".join(repr(name) for name in names[:10]) + (", …" if len(names) > 10 else "")
        raise UserError(
            "this database has several studios", fix=f"Say which: --studio NAME, one of {listed}.", code="which_studio"
        )
    return await studio_named(connection, names[0])


async def studio_named(connection: AsyncConnection, name: str) -> Studio | None:
    """The studio of that name."""
    row = (await connection.execute(select(t.studio).where(t.studio.c.name == name))).first()
    return _studio(row) if row is not None else None


def _studio(row: Any) -> Studio:
    return Studio(
        id=row.id,
        name=row.name,
        timezone=row.timezone,
        language=row.language,
        instance=row.instance,
        sealed_pepper=row.sealed_pepper,
        admin_email=row.admin_email,
        created_at=row.created_at,
        mail=mail_section(row.mail_options),
    )


async def studios_with_admin(connection: AsyncConnection) -> list[Studio]:
    """The studios of the database that say whom to write to."""
    query = select(t.studio).where(t.studio.c.admin_email.is_not(None)).order_by(t.studio.c.id)
    return [_studio(row) for row in (await connection.execute(query)).all()]


async def connection_by_id(connection: AsyncConnection, connection_id: int) -> tuple[Studio, ConnectionRow] | None:
    """A connection with its studio; None where it is gone."""
    c = t.connection.c
    row = (await connection.execute(select(t.connection).where(c.id == connection_id))).one_or_none()
    if row is None:
        return None
    studio = (await connection.execute(select(t.studio).where(t.studio.c.id == row.studio_id))).one()
    return _studio(studio), _connection(row)


async def any_studio(connection: AsyncConnection) -> bool:
    """Whether the database has a studio."""
    return (await connection.execute(select(t.studio.c.id).limit(1))).first() is not None


async def save_studio(
    connection: AsyncConnection, section: StudioSection, *, current: Studio | None, vault: Vault, now: datetime
) -> Studio:
    """Create the studio, or bring `current` up to date."""
    values = section.model_dump()
    if current is not None:
        await connection.execute(update(t.studio).where(t.studio.c.id == current.id).values(**values))
        return replace(current, **values)
    instance, pepper = secrets.token_hex(4), vault.seal(secrets.token_hex(32))
    made = await connection.execute(
        insert(t.studio)
        .values(**values, instance=instance, sealed_pepper=pepper, created_at=now)
        .returning(t.studio.c.id)
    )
    return Studio(made.scalar_one(), **values, instance=instance, sealed_pepper=pepper, created_at=now)


def mail_section(options: str | None) -> MailSection:
    """`[mail]` as it is stored; None is as usual."""
    return MailSection.model_validate_json(options) if options else _AS_USUAL


async def save_mail(connection: AsyncConnection, studio: Studio, mail: MailSection) -> Studio:
    """Set what the studio's members get mails about."""
    options = mail.model_dump_json(exclude_defaults=True) if mail != _AS_USUAL else None
    await connection.execute(update(t.studio).where(t.studio.c.id == studio.id).values(mail_options=options))
    return replace(studio, mail=mail)


async def connections(connection: AsyncConnection, studio: Studio) -> list[ConnectionRow]:
    """The studio's connections, oldest first."""
    query = select(t.connection).where(t.connection.c.studio_id == studio.id).order_by(t.connection.c.id)
    return [_connection(row) for row in (await connection.execute(query)).all()]


def _connection(row: Any) -> ConnectionRow:
    return ConnectionRow(
        id=row.id,
        studio_id=row.studio_id,
        name=row.name,
        plugin=row.plugin,
        settings=json.loads(row.settings),
        sealed_secrets=row.sealed_secrets,
        secret_origins=json.loads(row.secret_origins),
        options=TargetOptions.model_validate_json(row.target_options) if row.target_options else None,
        created_at=row.created_at,
    )


async def save_connection(
    connection: AsyncConnection,
    studio: Studio,
    spec: ConnectionSpec,
    *,
    current: ConnectionRow | None,
    vault: Vault,
    now: datetime,
) -> tuple[int, bool]:
    """Create or update a connection; returns its id and whether anything changed.

    Secrets that the spec leaves out keep their stored value. Raises UserError where there is none, or where the name
    belongs to another plugin.
    """
    kept: dict[str, str] = {}
    if current is not None:
        if current.plugin != spec.plugin.name:
            raise UserError(
                f"{spec.name!r} is a connection of plugin {current.plugin!r}, not {spec.plugin.name!r}",
                fix=f"Choose another name, or `studiohub disconnect {spec.name}` first.",
            )
        if current.sealed_secrets is not None:
            kept = json.loads(vault.open(current.sealed_secrets))
    fields = spec.plugin.settings.model_fields
    lacking = sorted(name for name in spec.missing - kept.keys() if fields[name].is_required())
    if lacking:
        raise UserError(
            f"connection {spec.name!r} needs {', '.join(lacking)}",
            fix=f'Write {lacking[0]} = {{ env = "NAME" }} or {{ file = "PATH" }} in the studio file.',
            code="secret_missing",
        )
    given = {name: value for name, value in spec.settings.secrets().items() if name not in spec.missing}
    secret_values = {**{name: kept[name] for name in spec.missing if name in kept}, **given}
    settings = spec.settings.model_dump(mode="json", exclude=set(spec.settings.secret_names()), exclude_none=True)
    origins = {name: spec.origins[name] for name in given if name in spec.origins}
    if current is not None:
        origins = {**{k: v for k, v in current.secret_origins.items() if k in spec.missing}, **origins}
    options = spec.options.model_dump_json() if spec.options is not None else None
    if (
        current is not None
        and current.settings == settings
        and kept == secret_values
        and current.secret_origins == origins
        and current.options == spec.options
    ):
        return current.id, False
    values = {
        "settings": json.dumps(settings, sort_keys=True),
        "sealed_secrets": vault.seal(json.dumps(secret_values)) if secret_values else None,
        "secret_origins": json.dumps(origins),
        "target_options": options,
        "changed_at": now,
    }
    if current is not None:
        await connection.execute(update(t.connection).where(t.connection.c.id == current.id).values(**values))
        return current.id, True
    made = await connection.execute(
        insert(t.connection)
        .values(studio_id=studio.id, name=spec.name, plugin=spec.plugin.name, created_at=now, **values)
        .returning(t.connection.c.id)
    )
    new_id = made.scalar_one()
    await connection.execute(
        insert(t.lane).values(connection_id=new_id, studio_id=studio.id, wake_at=now, reason="connected")
    )
    return new_id, True


async def delete_connection(connection: AsyncConnection, studio: Studio, row: ConnectionRow) -> None:
    """Forget a connection with everything that hangs on it: records, ledger, links, mapping rows."""
    await connection.execute(
        delete(t.mapping).where(
            t.mapping.c.studio_id == studio.id, (t.mapping.c.target == row.name) | (t.mapping.c.source == row.name)
        )
    )
    await connection.execute(
        delete(t.connection).where(t.connection.c.id == row.id, t.connection.c.studio_id == studio.id)
    )


async def mapping_rows(
    connection: AsyncConnection, studio: Studio, *, target: str | None = None, kind: str | None = None
) -> list[MappingRow]:
    """The studio's mapping rows in the order in which people wrote them."""
    query = select(t.mapping).where(t.mapping.c.studio_id == studio.id)
    if target is not None:
        query = query.where(t.mapping.c.target == target)
    if kind is not None:
        query = query.where(t.mapping.c.kind == kind)
    found = (await connection.execute(query.order_by(t.mapping.c.kind, t.mapping.c.position))).all()
    return [
        MappingRow(
            row.id, row.kind, row.position, row.source, row.target, ROW_KINDS[row.kind].model_validate_json(row.data)
        )
        for row in found
    ]


async def replace_mapping(connection: AsyncConnection, studio: Studio, kind: str, rows: Sequence[Row]) -> None:
    """Put these rows in the place of all rows of that table."""
    await connection.execute(delete(t.mapping).where(t.mapping.c.studio_id == studio.id, t.mapping.c.kind == kind))
    if rows:
        await connection.execute(
            insert(t.mapping),
            [
                {
                    "studio_id": studio.id,
                    "kind": kind,
                    "position": position,
                    "source": row.source_name,
                    "target": row.target,
                    "data": row.model_dump_json(by_alias=True, exclude_none=True),
                }
                for position, row in enumerate(rows, 1)
            ],
        )
