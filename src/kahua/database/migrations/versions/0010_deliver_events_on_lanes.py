"""Deliver events on lanes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lane", sa.String(length=16), server_default="quick", nullable=False))
        batch_op.add_column(sa.Column("subject", sa.String(length=64), server_default="", nullable=False))
        batch_op.drop_index(batch_op.f("ix_events_not_before"))
        batch_op.create_index("ix_events_lane_not_before", ["lane", "not_before"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_lane_not_before")
        batch_op.create_index(batch_op.f("ix_events_not_before"), ["not_before"], unique=False)
        batch_op.drop_column("subject")
        batch_op.drop_column("lane")
