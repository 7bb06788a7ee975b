"""Extensions over HTTP: who is signed in sees them, administrators install and remove them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from fastapi import APIRouter, BackgroundTasks, Depends, Request, status
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from kahua.access import Permission, Principal
from kahua.api.schemas import Page
from kahua.api.security import SiteAccess, SiteOfRequest, streams_body
from kahua.errors import KahuaError, OutOfSpace, TooMuch
from kahua.extensions import InstalledExtension
from kahua.store.ingest.staging import saying_full_disk

router = APIRouter(prefix="/api/extensions", tags=["extensions"])

Reader = Annotated[Principal, Depends(SiteAccess(Permission.EXTENSION_READ))]
Manager = Annotated[Principal, Depends(SiteAccess(Permission.EXTENSION_MANAGE))]

#: Largest archive that is uploaded; larger extensions are installed on the machine itself.
LARGEST_ARCHIVE_BYTES = 4_000_000_000


class ExtensionItem(BaseModel):
    """An installed extension."""

    name: str
    version: str
    title: str
    description: str
    licence: str
    maturity: Literal["stable", "experimental"]
    citation: str
    #: Names of its workflows, ``EXTENSION/WORKFLOW``.
    workflows: list[str]
    state: Literal["building", "ready", "failed"]
    error: str
    digest: str
    installed_at: datetime
    installed_by: str


@router.get("", operation_id="list_extensions")
def list_extensions(_: Reader, site: SiteOfRequest) -> Page[ExtensionItem]:
    """List the extensions of the site, by name, the newest version first."""
    return Page(items=[_item(extension) for extension in site.extensions.installed()])


@router.post(
    "",
    operation_id="install_extension",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[Depends(streams_body)],
    openapi_extra={"requestBody": {"required": True, "content": {"application/zip": {"schema": {"type": "string"}}}}},
)
async def install_extension(
    manager: Manager, site: SiteOfRequest, request: Request, tasks: BackgroundTasks
) -> ExtensionItem:
    """Install the extension in the archive that is the body; its environments are built afterwards."""
    with _folder(site) as folder:
        archive = await _receive(request.stream(), folder / "extension.zip")
        extension = await run_in_threadpool(site.extensions.register, archive, actor=manager.name)
    if extension.state == "building":
        tasks.add_task(_build, site, extension.id)
    return _item(extension)


@router.delete("/{name}/{version}", operation_id="remove_extension", status_code=status.HTTP_204_NO_CONTENT)
def remove_extension(manager: Manager, site: SiteOfRequest, name: str, version: str) -> None:
    """Remove an extension that no run uses any more."""
    site.extensions.remove(name, version, actor=manager.name)


def _build(site: SiteOfRequest, extension_id: str) -> None:
    """Build after the answer; should this process end before, the worker goes on."""
    with suppress(KahuaError):  # the extension's row tells it, and the list shows that
        site.extensions.build(extension_id)


@contextmanager
def _folder(site: SiteOfRequest) -> Iterator[Path]:
    place = site.settings.folder("uploads")
    with saying_full_disk():
        place.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(dir=place, prefix="extension-")
    with folder as name:
        yield Path(name)


async def _receive(stream: AsyncIterator[bytes], file: Path) -> Path:
    """Write a body to a file, as much of it as is allowed."""
    received = 0
    with file.open("wb") as target:
        async for chunk in stream:
            received += len(chunk)
            if received > LARGEST_ARCHIVE_BYTES:
                raise TooMuch(
                    f"The archive is larger than {LARGEST_ARCHIVE_BYTES // 10**9} GB.",
                    remedy="Install it on the machine itself: kahua extension install FILE",
                )
            try:
                target.write(chunk)
            except OSError as error:
                raise OutOfSpace("The archive could not be written; nothing was installed.") from error
    return file


def _item(extension: InstalledExtension) -> ExtensionItem:
    manifest = extension.manifest
    return ExtensionItem(
        name=manifest.name,
        version=manifest.version,
        title=manifest.title,
        description=manifest.description,
        licence=manifest.licence,
        maturity=manifest.maturity,
        citation=manifest.citation,
        workflows=[f"{manifest.name}/{name}" for name in manifest.workflows],
        state=extension.state,
        error=extension.error,
        digest=extension.digest,
        installed_at=extension.installed_at,
        installed_by=extension.installed_by,
    )
