"""alembic's entry: runs on the connection that `hub.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from hub.store.tables import metadata, with_postgresql

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=with_postgresql(metadata),
    render_as_batch=True,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
