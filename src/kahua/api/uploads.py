"""Upload from the browser: DICOM, a zip archive of it, or a NIfTI volume."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from kahua.access import Permission, ProjectAccess
from kahua.api.security import Access, SiteOfRequest, streams_body
from kahua.errors import InvalidInput, TooMuch
from kahua.store import Origin
from kahua.store.imports.archives import ArchiveLimits
from kahua.store.imports.importer import Importer, ImportReport, VolumeOptions
from kahua.store.ingest.staging import saying_full_disk

router = APIRouter(prefix="/api/projects/{project}/uploads", tags=["series"])


class RefusedFile(BaseModel):
    """A file that was not accepted."""

    name: str
    code: str
    reason: str


class UploadReport(BaseModel):
    """What became of an upload."""

    accepted: int = Field(description="Instances that are new.")
    duplicates: int = Field(description="Instances that were here before, with the same bytes.")
    skipped: int = Field(description="Files passed over: they are no images and do not pretend to be.")
    refused: list[RefusedFile]
    series: list[str] = Field(description="Ids of the series that now hold the instances.")


@router.post("", operation_id="upload", dependencies=[Depends(streams_body)])
async def upload(
    request: Request,
    access: Annotated[ProjectAccess, Depends(Access(Permission.SERIES_WRITE))],
    site: SiteOfRequest,
    filename: Annotated[str, Query(max_length=300, description="Name of the file, to be told by it.")],
    dataset: Annotated[str | None, Query(max_length=64, description="Dataset to which the series are added.")] = None,
    modality: Annotated[str, Query(pattern="^[A-Z]{2}$", description="Modality of a NIfTI volume.")] = "MR",
) -> UploadReport:
    """Bring in a file: a DICOM object, a zip archive of DICOM, or a NIfTI volume. The body is the file."""
    with _staging_file(site) as path:
        site.archive.limits.check_space(path.parent, _announced(request))
        await _receive(request, path, site.settings.max_archive_bytes)
        importer = Importer(
            archive=site.archive,
            project_id=access.project_id,
            origin=Origin(door="upload", sender=access.principal.name, name=filename, dataset=dataset),
            archive_limits=ArchiveLimits.from_settings(site.settings),
            volume=VolumeOptions(modality=modality),
        )
        report = await run_in_threadpool(importer.import_path, path)
    return _answer(report)


def _announced(request: Request) -> int:
    """Size of the body, if the client tells it."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def _receive(request: Request, path: Path, limit: int) -> None:
    received = 0
    with saying_full_disk(), path.open("xb") as file:
        async for piece in request.stream():
            received += len(piece)
            if received > limit:
                raise TooMuch(f"The file is larger than {limit} bytes.")
            await run_in_threadpool(file.write, piece)
    if not received:
        raise InvalidInput("The request holds no file.")


@contextmanager
def _staging_file(site: Any) -> Iterator[Path]:
    with saying_full_disk():
        folder = tempfile.TemporaryDirectory(prefix="upload-", dir=site.archive.staging.folder)
    with folder as name:
        yield Path(name) / "file"


def _answer(report: ImportReport) -> UploadReport:
    return UploadReport(
        accepted=report.accepted,
        duplicates=report.duplicates,
        skipped=report.skipped,
        refused=[RefusedFile(name=item.name, code=item.code, reason=item.reason) for item in report.refused],
        series=report.series,
    )
