"""Keep the findings of series."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "series_findings",
        sa.Column("series_id", sa.String(20), nullable=False),
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.String(20), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("sentence", sa.String(1000), nullable=False),
        sa.Column("remedy", sa.String(1000), nullable=False),
        sa.Column("instances", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_series_findings_project_id")),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name=op.f("fk_series_findings_series_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", "place", name=op.f("pk_series_findings")),
    )
    op.create_index("ix_series_findings_code", "series_findings", ["project_id", "code"])
    op.add_column("series", sa.Column("validation_state", sa.String(16), server_default="pending", nullable=False))
    op.add_column("series", sa.Column("validated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_series_validation", "series", ["project_id", "validation_state", "received_at"])


def downgrade() -> None:
    op.drop_index("ix_series_validation", "series")
    op.drop_column("series", "validated_at")
    op.drop_column("series", "validation_state")
    op.drop_table("series_findings")
