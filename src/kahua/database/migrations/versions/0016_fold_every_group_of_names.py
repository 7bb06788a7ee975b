"""Fold every group of names; `kahua rebuild` fills those of studies that are there already."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = (
    "patient_name_ideographic",
    "patient_name_phonetic",
    "referring_physician_folded",
    "referring_physician_ideographic",
    "referring_physician_phonetic",
)
INDEXED = COLUMNS[:2]


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("studies", sa.Column(name, sa.String(length=512), server_default="", nullable=False))
    op.execute("UPDATE studies SET referring_physician_folded = lower(referring_physician)")
    for name in INDEXED:
        op.create_index(
            f"ix_studies_{name}", "studies", ["project_id", name], postgresql_ops={name: "text_pattern_ops"}
        )


def downgrade() -> None:
    for name in INDEXED:
        op.drop_index(f"ix_studies_{name}", "studies")
    for name in reversed(COLUMNS):
        op.drop_column("studies", name)
