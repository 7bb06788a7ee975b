"""Lead to studies by the patient's name, and by the newest of them in one order."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_studies_newest"))
        batch_op.create_index("ix_studies_newest", ["project_id", "study_date", "id"], unique=True)
        batch_op.create_index(
            "ix_studies_patient_name",
            ["project_id", "patient_name_folded"],
            unique=False,
            postgresql_ops={"patient_name_folded": "text_pattern_ops"},
        )


def downgrade() -> None:
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.drop_index("ix_studies_patient_name", postgresql_ops={"patient_name_folded": "text_pattern_ops"})
        batch_op.drop_index("ix_studies_newest")
        batch_op.create_index(batch_op.f("ix_studies_newest"), ["project_id", "study_date", "id"], unique=False)
