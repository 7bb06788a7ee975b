"""add the tables of confidentiality."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pixel_templates",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("template", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pixel_templates")),
    )
    op.create_table(
        "confidentiality_policies",
        sa.Column("project_id", sa.String(length=20), nullable=False),
        sa.Column("on_arrival", sa.Boolean(), nullable=False),
        sa.Column("profile", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_confidentiality_policies_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_confidentiality_policies")),
    )
    op.create_table(
        "seals",
        sa.Column("project_id", sa.String(length=20), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("locked_private_key", sa.LargeBinary(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_seals_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_seals")),
    )
    op.create_table(
        "treatment_reports",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("project_id", sa.String(length=20), nullable=False),
        sa.Column("occasion", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instances", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("left_out", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_treatment_reports_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_treatment_reports")),
    )
    with op.batch_alter_table("treatment_reports", schema=None) as batch_op:
        batch_op.create_index("ix_treatment_reports_newest", ["project_id", "started_at", "id"], unique=False)

    op.create_table(
        "sealed_patients",
        sa.Column("project_id", sa.String(length=20), nullable=False),
        sa.Column("pseudonym", sa.String(length=20), nullable=False),
        sa.Column("content", sa.LargeBinary(length=4000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["seals.project_id"], name=op.f("fk_sealed_patients_project_id")),
        sa.PrimaryKeyConstraint("project_id", "pseudonym", name=op.f("pk_sealed_patients")),
    )


def downgrade() -> None:
    op.drop_table("sealed_patients")
    with op.batch_alter_table("treatment_reports", schema=None) as batch_op:
        batch_op.drop_index("ix_treatment_reports_newest")

    op.drop_table("treatment_reports")
    op.drop_table("seals")
    op.drop_table("confidentiality_policies")
    op.drop_table("pixel_templates")
