"""a class that moves to another box has an event on each until the new one stands

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("uq_event_live")
        batch_op.create_index(
            "uq_event_live",
            ["target_id", "source_id", "session_id", "box"],
            unique=True,
            sqlite_where=sa.text("state <> 'removed'"),
            postgresql_where=sa.text("state <> 'removed'"),
        )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the upgrade")
