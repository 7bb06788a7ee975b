"""How series are shown: the items of lists and pages."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

import orjson
from pydantic import BaseModel
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from kahua.access import ProjectAccess
from kahua.datasets import FoundSeries
from kahua.dicom.transfer_syntaxes import encoding_of, is_mpeg2
from kahua.dicom.uids import ENCAPSULATED_PDF
from kahua.store import InstanceRow, ObjectStore, SeriesReferenceRow, SeriesRow, StudyRow
from kahua.store.metadata import unpack
from kahua.store.remote.sourced import is_away, sources_of
from kahua.store.remote.tables import SeriesSourceRow

#: Characters of an object's key that name one version of a picture in its address.
VERSION_LENGTH = 16

#: Modalities that the viewer draws over the image to which they refer, and never alone.
OVERLAYS = ("SEG", "RTSTRUCT")

#: Modalities of which the viewer shows nothing by themselves.
UNSEEN = ("RWV", "KO", "PR", "REG", "RTPLAN", "ECG", "DOC")

#: Segmented Red Palette Color Lookup Table Data, as it stands in metadata.
_SEGMENTED = b'"00281221"'

#: Documents of a series that are offered one by one.
MAX_DOCUMENTS = 20


ValidationState = Literal["pending", "ok", "notes", "warnings", "errors"]


class Preview(BaseModel):
    """The picture of a series."""

    state: Literal["pending", "ready", "none", "failed"]
    #: Why there is none.
    note: str
    #: Address of the picture; another one when the picture changes.
    url: str | None
    #: Address of some slices, one beside the other in square tiles.
    filmstrip_url: str | None


class SeriesItem(BaseModel):
    """A series in a list."""

    id: str
    series_uid: str
    study_uid: str
    modality: str
    description: str
    body_part: str
    series_number: int | None
    patient_id: str
    patient_name: str
    study_date: str
    study_description: str
    instance_count: int
    size: int
    received_at: datetime
    preview: Preview
    #: The gravest of what validation found.
    validation: ValidationState
    #: What was made from it: `SEG: liver`, `SR: volumes`.
    results: list[str]
    #: Name of the peer that has its images, if they are not kept here for good; and whether they are here now.
    source: str | None
    is_here: bool


class Fusion(BaseModel):
    """Another image of the study, which lies in the same frame of reference."""

    series: SeriesItem
    #: Address of the viewer with both, one over the other.
    viewer_url: str


class StudyDetail(BaseModel):
    """The study of a series."""

    study_uid: str
    description: str
    date: str
    time: str
    accession_number: str
    study_id: str
    referring_physician: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str


class SeriesDetail(SeriesItem):
    """Everything about a series but its attributes."""

    manufacturer: str
    frame_of_reference_uid: str
    changed_at: datetime
    study: StudyDetail
    #: Series to which it refers: the image of a segmentation.
    references: list[SeriesItem]
    #: Series that refer to it: the segmentations of an image.
    referenced_by: list[SeriesItem]
    #: Images with which it can be seen in one view.
    fusions: list[Fusion]
    #: Datasets that it is in.
    datasets: list[str]
    #: Address of the viewer with this series and those that belong to it; None if it shows nothing of the series.
    viewer_url: str | None
    #: Address of the video, if it is one that browsers play.
    film_url: str | None
    #: Addresses of the documents that its instances hold, the first ones.
    document_urls: list[str]


def series_items(session: Session, may: ProjectAccess, found: Sequence[FoundSeries]) -> list[SeriesItem]:
    """Show series, with the names of what was made from each."""
    results = _results(session, may.project_id, [one.series.series_uid for one in found])
    sources = sources_of(session, [one.series.id for one in found])
    return [_item(may, one, results[one.series.series_uid], sources.get(one.series.id)) for one in found]


def related(session: Session, project_id: str, series: SeriesRow) -> tuple[list[FoundSeries], list[FoundSeries]]:
    """Give the series to which one refers, and those that refer to it."""
    targets = select(SeriesReferenceRow.target_series_uid).where(SeriesReferenceRow.series_id == series.id)
    sources = select(SeriesReferenceRow.series_id).where(
        SeriesReferenceRow.project_id == project_id, SeriesReferenceRow.target_series_uid == series.series_uid
    )
    query = (
        select(SeriesRow, StudyRow)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(SeriesRow.project_id == project_id, SeriesRow.id != series.id)
        .order_by(SeriesRow.received_at, SeriesRow.id)
    )

    def found(condition: ColumnElement[bool]) -> list[FoundSeries]:
        return [FoundSeries(series=row, study=study) for row, study in session.execute(query.where(condition))]

    return found(SeriesRow.series_uid.in_(targets)), found(SeriesRow.id.in_(sources))


def study_detail(study: StudyRow) -> StudyDetail:
    """Show a study."""
    return StudyDetail(
        study_uid=study.study_uid,
        description=study.description,
        date=study.study_date,
        time=study.study_time,
        accession_number=study.accession_number,
        study_id=study.study_id,
        referring_physician=study.referring_physician,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        patient_birth_date=study.patient_birth_date,
        patient_sex=study.patient_sex,
    )


def viewer_url(
    may: ProjectAccess, found: FoundSeries, *, references: Sequence[FoundSeries], referenced_by: Sequence[FoundSeries]
) -> str | None:
    """Address of the viewer with a series, shown first, and those that belong to it; None if it shows nothing of it."""
    series = found.series
    is_alone = series.modality in OVERLAYS and not references
    if is_alone or series.modality in UNSEEN or series.preview_state == "none":
        return None
    together = (found, *references, *referenced_by)
    query = {
        "StudyInstanceUIDs": ",".join(dict.fromkeys(one.study.study_uid for one in together)),
        "SeriesInstanceUIDs": ",".join(one.series.series_uid for one in together),
        "initialSeriesInstanceUID": series.series_uid,
    }
    return f"/ohif/viewer/{may.name}?{urlencode(query)}"


def video_syntaxes(session: Session, series: FoundSeries) -> set[str]:
    """Transfer syntaxes of the videos of a series; empty if it has none."""
    syntaxes = session.scalars(
        select(InstanceRow.transfer_syntax_uid).where(InstanceRow.series_id == series.series.id).distinct().limit(10)
    )
    return {syntax for syntax in syntaxes if encoding_of(syntax).video}


def has_unseen_palette(session: Session, objects: ObjectStore, found: FoundSeries) -> bool:
    """Whether the viewer would draw a series black: its palette is for 16 bits, or written in segments."""
    series = found.series
    stored = session.scalar(select(InstanceRow.dicom_json).where(InstanceRow.series_id == series.id).limit(1))
    if stored is None:
        return False
    document = orjson.loads(stored)
    photometric, bits = (document.get(tag, {}).get("Value", [None])[0] for tag in ("00280004", "00280100"))
    if photometric != "PALETTE COLOR":
        return False
    return bits == 16 or (series.metadata_key is not None and _SEGMENTED in unpack(objects.read(series.metadata_key)))


def film_url(may: ProjectAccess, found: FoundSeries, syntaxes: set[str]) -> str | None:
    """Address under which a browser plays a series of videos; None if there is nothing that one plays."""
    if all(is_mpeg2(syntax) for syntax in syntaxes):
        return None
    place = f"studies/{found.study.study_uid}/series/{found.series.series_uid}"
    return f"/dicom-web/{may.name}/{place}/rendered?{urlencode({'accept': 'video/mp4'})}"


def document_urls(session: Session, may: ProjectAccess, found: FoundSeries) -> list[str]:
    """Addresses under which the documents of a series are saved."""
    uids = session.scalars(
        select(InstanceRow.sop_instance_uid)
        .where(InstanceRow.series_id == found.series.id, InstanceRow.sop_class_uid == ENCAPSULATED_PDF)
        .order_by(InstanceRow.instance_number, InstanceRow.id)
        .limit(MAX_DOCUMENTS)
    )
    place = f"studies/{found.study.study_uid}/series/{found.series.series_uid}"
    return [f"/dicom-web/{may.name}/{place}/instances/{uid}/rendered" for uid in uids]


def _results(session: Session, project_id: str, uids: Sequence[str]) -> dict[str, list[str]]:
    query = (
        select(SeriesReferenceRow.target_series_uid, SeriesRow.modality, SeriesRow.description)
        .join(SeriesRow, SeriesRow.id == SeriesReferenceRow.series_id)
        .where(SeriesReferenceRow.project_id == project_id, SeriesReferenceRow.target_series_uid.in_(uids))
        .order_by(SeriesRow.received_at, SeriesRow.id)
    )
    results: dict[str, list[str]] = defaultdict(list)
    for uid, modality, description in session.execute(query):
        results[uid].append(f"{modality}: {description}" if description else modality)
    return results


def _item(may: ProjectAccess, found: FoundSeries, results: list[str], source: SeriesSourceRow | None) -> SeriesItem:
    series, study = found.series, found.study
    return SeriesItem(
        id=series.id,
        series_uid=series.series_uid,
        study_uid=study.study_uid,
        modality=series.modality,
        description=series.description,
        body_part=series.body_part,
        series_number=series.series_number,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        study_date=study.study_date,
        study_description=study.description,
        instance_count=series.instance_count,
        size=series.size,
        received_at=series.received_at,
        preview=_preview(may, series),
        validation=series.validation_state,  # type: ignore[arg-type]  # the model checks it
        results=results,
        source=source.peer_name if source else None,
        is_here=not is_away(source),
    )


def _preview(may: ProjectAccess, series: SeriesRow) -> Preview:
    return Preview(
        state=series.preview_state,  # type: ignore[arg-type]  # the model checks it
        note=series.preview_note,
        url=_picture_url(may, series, "preview", series.preview_key),
        filmstrip_url=_picture_url(may, series, "filmstrip", series.filmstrip_key),
    )


def _picture_url(may: ProjectAccess, series: SeriesRow, kind: str, key: str | None) -> str | None:
    if key is None:
        return None
    return f"/api/projects/{may.name}/series/{series.id}/{kind}?version={key[:VERSION_LENGTH]}"
