"""Send a folder of DICOM to a site, as a scanner does: by C-STORE."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from kahua.errors import InvalidInput, PeerUnavailable

#: DICOM allows 128 presentation contexts in one association (odd numbers of one byte).
MAX_CONTEXTS = 128


@dataclass
class Sent:
    """What the site answered."""

    acknowledged: int = 0
    #: Study and Series Instance UID of each series, in the order of sending.
    series: list[tuple[str, str]] = field(default_factory=list)
    #: Files that were not accepted, with the status.
    refused: list[tuple[str, int]] = field(default_factory=list)


def send_folder(
    folder: Path, *, host: str, port: int, called: str, calling: str, tell: Callable[[int, int], None]
) -> Sent:
    """Send every DICOM file below a folder over one association.

    Parameters
    ----------
    called, calling
        AE titles: ``kp-PROJECT``, and ``kp-DATASET`` or any other.
    tell
        Is told after each file how many of how many are done.

    Raises
    ------
    InvalidInput
        There is no DICOM in the folder.
    PeerUnavailable
        The site did not take the association.
    """
    files = {path: context for path in sorted(folder.rglob("*")) if path.is_file() and (context := _context(path))}
    if not files:
        raise InvalidInput(f"There is no DICOM file in {folder}.", field="folder")
    entity = AE(ae_title=calling)
    entity.requested_contexts = _contexts(set(files.values()))
    association = entity.associate(host, port, ae_title=called)
    if not association.is_established:
        raise PeerUnavailable(f"{called}@{host}:{port} does not take the association.")
    try:
        return _send(association, list(files), tell)
    finally:
        association.release()


def _send(association: Association, files: list[Path], tell: Callable[[int, int], None]) -> Sent:
    sent = Sent()
    for number, path in enumerate(files, 1):
        dataset = dcmread(path)
        status = association.send_c_store(dataset)
        code = int(status.Status) if "Status" in status else -1
        if code == 0:
            sent.acknowledged += 1
            series = str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID)
            if series not in sent.series:
                sent.series.append(series)
        else:
            sent.refused.append((path.name, code))
        tell(number, len(files))
    return sent


def _context(path: Path) -> tuple[str, str] | None:
    try:
        meta = read_file_meta_info(path)
    except (InvalidDicomError, OSError, EOFError):
        return None
    if "MediaStorageSOPClassUID" not in meta or "TransferSyntaxUID" not in meta:
        return None
    return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)


def _contexts(wanted: set[tuple[str, str]]) -> list[PresentationContext]:
    if len(wanted) > MAX_CONTEXTS:
        raise InvalidInput(f"The folder holds {len(wanted)} kinds of objects; {MAX_CONTEXTS} fit into one association.")
    return [build_context(sop_class, syntax) for sop_class, syntax in sorted(wanted)]
