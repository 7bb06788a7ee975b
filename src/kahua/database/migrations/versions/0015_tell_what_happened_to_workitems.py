"""tell what happened to workitems."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LABEL, STATIONS = "00741204", "00404025"

BATCH = 500


def upgrade() -> None:
    op.add_column("workitems", sa.Column("label", sa.String(length=256), server_default="", nullable=False))
    op.add_column("workitems", sa.Column("station", sa.String(length=256), server_default="", nullable=False))
    op.add_column("workitems", sa.Column("history", sa.JSON(), server_default="[]", nullable=False))
    op.create_index("ix_workitems_newest", "workitems", ["project_id", "created_at", "id"])
    _fill()


def downgrade() -> None:
    op.drop_index("ix_workitems_newest", "workitems")
    with op.batch_alter_table("workitems") as batch_op:
        batch_op.drop_column("history")
        batch_op.drop_column("station")
        batch_op.drop_column("label")


def _fill() -> None:
    """Take label and stations of what is there from its attributes."""
    workitems = sa.table(
        "workitems", sa.column("id"), sa.column("document", sa.LargeBinary), sa.column("label"), sa.column("station")
    )
    connection, last = op.get_bind(), ""
    while True:
        page = sa.select(workitems.c.id, workitems.c.document).where(workitems.c.id > last).order_by(workitems.c.id)
        rows = connection.execute(page.limit(BATCH)).all()
        if not rows:
            return
        for identity, body in rows:
            document = json.loads(body)
            values = {"label": _first(document, LABEL)[:256], "station": _stations(document)[:256]}
            connection.execute(workitems.update().where(workitems.c.id == identity).values(values))
        last = rows[-1].id


def _first(document: dict[str, Any], tag: str) -> str:
    values = document.get(tag, {}).get("Value") or [""]
    return str(values[0] or "")


def _stations(document: dict[str, Any]) -> str:
    items = [item for item in document.get(STATIONS, {}).get("Value", ()) if isinstance(item, dict)]
    return ", ".join(f"{_first(item, '00080100')} ({_first(item, '00080104')})" for item in items)
