"""Two images of a study in one view: what a tracer does, over where it does it."""

from urllib.parse import urlencode

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from kahua.access import ProjectAccess
from kahua.api.series_items import Fusion, SeriesItem, series_items
from kahua.datasets import FoundSeries
from kahua.store import InstanceRow, SeriesRow

#: Modalities that show what a tracer does, and those that show where: one of each makes a fusion.
FUNCTIONAL = ("PT", "NM")
ANATOMICAL = ("CT", "MR")

#: Least slices of a volume: a localizer has one or two.
LEAST_SLICES = 3

#: Most images that are offered for one.
MAX_FUSIONS = 20


def fusions(session: Session, may: ProjectAccess, found: FoundSeries) -> list[Fusion]:
    """Give the images with which a series can be seen in one view, the largest first."""
    series = found.series
    if not series.frame_of_reference_uid or series.modality not in (*FUNCTIONAL, *ANATOMICAL):
        return []
    if not session.scalar(select(SeriesRow.id).where(SeriesRow.id == series.id, _is_volume())):
        return []
    statement = (
        select(SeriesRow)
        .where(
            SeriesRow.project_id == may.project_id,
            SeriesRow.study_id == series.study_id,
            SeriesRow.frame_of_reference_uid == series.frame_of_reference_uid,
            SeriesRow.modality.in_(ANATOMICAL if series.modality in FUNCTIONAL else FUNCTIONAL),
            _is_volume(),
        )
        .order_by(SeriesRow.instance_count.desc(), SeriesRow.series_number, SeriesRow.id)
        .limit(MAX_FUSIONS)
    )
    others = [FoundSeries(series=row, study=found.study) for row in session.scalars(statement)]
    items = series_items(session, may, others)
    return [Fusion(series=item, viewer_url=_viewer_url(may, found, item)) for item in items]


def _is_volume() -> ColumnElement[bool]:
    slices = func.sum(func.coalesce(InstanceRow.number_of_frames, 1))
    images = select(slices).where(InstanceRow.series_id == SeriesRow.id, InstanceRow.rows.is_not(None))
    return images.correlate(SeriesRow).scalar_subquery() >= LEAST_SLICES


def _viewer_url(may: ProjectAccess, found: FoundSeries, other: SeriesItem) -> str:
    """Address of the viewer's mode for fusions; of the study it reads these two series alone."""
    query = {
        "StudyInstanceUIDs": found.study.study_uid,
        "SeriesInstanceUIDs": f"{found.series.series_uid},{other.series_uid}",
    }
    return f"/ohif/tmtv/{may.name}?{urlencode(query)}"
