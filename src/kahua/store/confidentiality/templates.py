"""The site's templates: where its devices write into their pictures."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.dicom import Area, PixelTemplate
from kahua.errors import NotFound, StateConflict
from kahua.store.confidentiality.tables import PixelTemplateRow


def templates_of(session: Session) -> tuple[PixelTemplate, ...]:
    """Give all templates, by name."""
    rows = session.scalars(select(PixelTemplateRow).order_by(PixelTemplateRow.name))
    return tuple(template_from({"name": row.name, **row.template}) for row in rows)


def template_from(fields: Mapping[str, Any]) -> PixelTemplate:
    """Make a template of its fields, as `dataclasses.asdict` gives them."""
    return PixelTemplate(**{**fields, "areas": tuple(Area(**area) for area in fields["areas"])})


def add_template(session: Session, template: PixelTemplate, *, actor: str) -> None:
    """Add a template; it acts on whatever is de-identified from now on.

    Raises
    ------
    StateConflict
        The name is taken.
    """
    if session.get(PixelTemplateRow, template.name):
        raise StateConflict(f"There is already a template {template.name}.", remedy="Remove it, or take another name.")
    fields = asdict(template)
    session.add(PixelTemplateRow(name=fields.pop("name"), template=fields, created_at=now(), created_by=actor[:100]))
    session.flush()


def remove_template(session: Session, name: str) -> None:
    """Remove a template.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    row = session.get(PixelTemplateRow, name)
    if row is None:
        raise NotFound(f"There is no template {name}.")
    session.delete(row)
