"""Fill the columns by which studies and series are searched anew, of what was filed of them."""

from collections.abc import Callable, Iterator
from typing import Final

import orjson
from sqlalchemy import Table, bindparam, select, update

from kahua.database import Database
from kahua.store.tables import SeriesRow, StudyRow
from kahua.store.text import Elements, folded_names, search_text

#: Gives the values of columns.
Columns = Callable[[Elements], dict[str, str]]

#: Rows of one transaction.
BATCH: Final = 500


def refile(database: Database) -> Iterator[int]:
    """Fill them batch by batch; give the number of rows of each. Words and names that nobody filed are not kept."""
    yield from _refile(database, StudyRow.__table__, folded_names)  # type: ignore[arg-type]
    yield from _refile(database, SeriesRow.__table__, lambda elements: {"search_text": search_text(elements)})  # type: ignore[arg-type]


def _refile(database: Database, table: Table, columns: Columns) -> Iterator[int]:
    last = ""
    while True:
        with database.write() as session:
            found = select(table.c.id, table.c.dicom_json).where(table.c.id > last).order_by(table.c.id).limit(BATCH)
            rows = session.execute(found).all()
            if not rows:
                return
            last = rows[-1].id
            new = [{"row": row.id, **columns(orjson.loads(row.dicom_json))} for row in rows]
            session.connection().execute(update(table).where(table.c.id == bindparam("row")), new)
        yield len(rows)
