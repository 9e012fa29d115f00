"""stop a run

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

import hub.store.tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stop_asked_at", hub.store.tables.Utc(timezone=True), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the upgrade")
