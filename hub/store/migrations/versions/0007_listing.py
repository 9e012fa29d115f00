"""grants are found in the order of their period without a sort

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    period = sa.text("coalesce(valid_from, created_at)")
    op.create_index("ix_ledger_period", "ledger", ["studio_id", period, "id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the upgrade")
