"""mail templates, and finding a grant by its code

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

import hub.store.tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "template",
        sa.Column("studio_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("changed_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["studio_id"], ["studio.id"], name=op.f("fk_template_studio_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("studio_id", "kind", "language", name=op.f("pk_template")),
    )
    op.add_column("studio", sa.Column("mail_options", sa.Text(), nullable=True))
    op.create_index(
        "ix_ledger_code",
        "ledger",
        ["target_id", "code_print"],
        unique=False,
        sqlite_where=sa.text("code_print IS NOT NULL"),
        postgresql_where=sa.text("code_print IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the upgrade")
