"""classes at trackers, seats, results, and what members say themselves

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

import hub.store.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column(
            "studio_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("ends_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("applied", sa.Text(), nullable=True),
        sa.Column("vendor_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("results_due_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.Column("results_tries", sa.Integer(), nullable=False),
        sa.Column("results_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.Column("compared_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.Column("created_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("asked_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.Column("changed_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("removed_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["connection.id"], name=op.f("fk_event_source_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["studio_id"], ["studio.id"], name=op.f("fk_event_studio_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["target_id"], ["connection.id"], name=op.f("fk_event_target_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_event_results",
            ["target_id", "results_due_at"],
            unique=False,
            sqlite_where=sa.text("results_due_at IS NOT NULL"),
            postgresql_where=sa.text("results_due_at IS NOT NULL"),
        )
        batch_op.create_index("ix_event_session", ["source_id", "session_id"], unique=False)
        batch_op.create_index("ix_event_starts", ["studio_id", "starts_at"], unique=False)
        batch_op.create_index(
            "ix_event_unsettled",
            ["target_id", "next_try_at"],
            unique=False,
            sqlite_where=sa.text("settled IS 0"),
            postgresql_where=sa.text("settled IS false"),
        )
        batch_op.create_index(
            "uq_event_live",
            ["target_id", "source_id", "session_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'removed'"),
            postgresql_where=sa.text("state <> 'removed'"),
        )

    op.create_table(
        "own_word",
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("show_live", sa.Boolean(), nullable=True),
        sa.Column("sealed_profile", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["connection.id"], name=op.f("fk_own_word_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", "member", name=op.f("pk_own_word")),
    )
    op.create_table(
        "result",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "studio_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("starts_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("vendor_person_id", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=True),
        sa.Column("sealed_metrics", sa.LargeBinary(), nullable=False),
        sa.Column("implausible", sa.Text(), nullable=False),
        sa.Column("sealed_unread", sa.LargeBinary(), nullable=True),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("arrived_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("changed_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_result_event_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["connection.id"], name=op.f("fk_result_source_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["studio_id"], ["studio.id"], name=op.f("fk_result_studio_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sa.UniqueConstraint("event_id", "vendor_person_id", name=op.f("uq_result_event_id_vendor_person_id")),
    )
    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.create_index("ix_result_member", ["source_id", "member", "starts_at"], unique=False)
        batch_op.create_index("ix_result_studio", ["studio_id", "starts_at"], unique=False)

    op.create_table(
        "seat",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("booking_id", sa.Text(), nullable=False),
        sa.Column("spot", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("applied", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.Column("created_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("changed_at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("removed_at", hub.store.tables.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_seat_event_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
    )
    with op.batch_alter_table("seat", schema=None) as batch_op:
        batch_op.create_index("ix_seat_event", ["event_id"], unique=False)
        batch_op.create_index(
            "uq_seat_live",
            ["event_id", "member"],
            unique=True,
            sqlite_where=sa.text("state <> 'removed'"),
            postgresql_where=sa.text("state <> 'removed'"),
        )

    op.create_table(
        "result_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("result_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", hub.store.tables.Utc(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["result_id"], ["result.id"], name=op.f("fk_result_change_result_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_change")),
    )
    with op.batch_alter_table("result_change", schema=None) as batch_op:
        batch_op.create_index("ix_result_change_result", ["result_id", "at"], unique=False)



def downgrade() -> None:
    raise NotImplementedError("restore the copy that was made before the upgrade")
