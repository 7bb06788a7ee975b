"""Note the newest channel of subscribers."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workitem_subscribers", sa.Column("channel", sa.String(length=20), nullable=True))


def downgrade() -> None:
    op.drop_column("workitem_subscribers", "channel")
