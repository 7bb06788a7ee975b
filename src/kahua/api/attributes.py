"""The DICOM attributes of a series, as a table for people."""

from typing import Any

import orjson
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.store import InstanceRow, SeriesRow

#: Values of one attribute that are shown.
MAX_VALUES = 64

Element = dict[str, Any]


class Attribute(BaseModel):
    """An attribute with its value, or its values one behind the other."""

    tag: str
    keyword: str
    name: str
    vr: str
    value: str


def attributes_of(session: Session, series: SeriesRow) -> list[Attribute]:
    """Give the attributes of a series and of its first instance that the archive knows, by tag."""
    first = session.scalar(
        select(InstanceRow.dicom_json)
        .where(InstanceRow.series_id == series.id)
        .order_by(InstanceRow.instance_number, InstanceRow.id)
        .limit(1)
    )
    elements: dict[str, Element] = {**orjson.loads(first or b"{}"), **orjson.loads(series.dicom_json)}
    return [_attribute(tag, element) for tag, element in sorted(elements.items())]


def _attribute(tag: str, element: Element) -> Attribute:
    from pydicom.datadict import dictionary_description, dictionary_has_tag, keyword_for_tag  # late: it is large

    number = int(tag, 16)
    known = dictionary_has_tag(number)
    return Attribute(
        tag=f"({tag[:4]},{tag[4:]})",
        keyword=keyword_for_tag(number) if known else "",
        name=dictionary_description(number) if known else "",
        vr=element.get("vr", ""),
        value=" \\ ".join(_text(value) for value in element.get("Value", [])[:MAX_VALUES]),
    )


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case {"Alphabetic": str(name)}:
            return name
        case dict() | list():
            return orjson.dumps(value).decode()
        case _:
            return str(value)
