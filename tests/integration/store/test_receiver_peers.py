"""The receiver with senders that others wrote: DCMTK and pynetdicom."""

import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES
from pynetdicom.sop_class import CTImageStorage, Verification
from sqlalchemy import select
from tests.integration.peers.servers import undisturbed

from kahua.dicom import read_file_meta, write_file_meta
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow, QuarantineRow, SeriesReferenceRow, SeriesRow
from kahua.store.dimse import Receiver, Route
from kahua.testing import shared_data
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, part10

#: Compressed transfer syntaxes as options of `storescu`, which proposes one for each.
OPTIONS = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.5": "-xr",
}

#: The same for what the factory does not encode.
ENCAPSULATED = {
    f"1.2.840.10008.1.2.4.{number}": option
    for number, option in (
        *((50, "-xy"), (51, "-xx"), (81, "-xu"), (91, "-xw"), (100, "-xm"), (101, "-xh"), (102, "-xn")),
        *((103, "-xl"), (104, "-x2"), (105, "-x3"), (106, "-xo"), (107, "-x4"), (108, "-x5")),
    )
}


@pytest.fixture
def receiver(tmp_path: Path, backends: dict[str, Any]) -> Iterator[tuple[Receiver, Archive]]:
    with archive_in(tmp_path, **backends) as archive:
        settings = Settings(data_dir=tmp_path, dicom_port=0)
        receiver = Receiver(settings, archive, lambda *_: Route(project_id="main"))
        receiver.start()
        yield receiver, archive
        receiver.stop()


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name} of DCMTK")
    return path


def data() -> Path:
    folder = shared_data()
    if folder is None:
        pytest.skip("needs the shared test data")
    return folder


def send(receiver: Receiver, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    host, port = receiver.address
    command = [tool(name), host, str(port), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def stored(archive: Archive) -> dict[str, tuple[str, bytes]]:
    """Give transfer syntax and data set of every instance by its UID."""
    with archive.database.read() as session:
        rows = session.scalars(select(InstanceRow)).all()
    return {
        row.sop_instance_uid: (row.transfer_syntax_uid, archive.objects.read(row.object_key, start=row.data_offset))
        for row in rows
    }


def data_set_of(path: Path) -> bytes:
    with path.open("rb") as file:
        offset = read_file_meta(file).data_offset
    return path.read_bytes()[offset:]


def test_echoscu_is_answered(receiver: tuple[Receiver, Archive]) -> None:
    assert send(receiver[0], "echoscu").returncode == 0


def test_whoever_proposes_all_that_there_is_gets_in(receiver: tuple[Receiver, Archive]) -> None:
    """128 presentation contexts, each with every transfer syntax that the peer knows."""
    assert send(receiver[0], "echoscu", "--propose-pc", "128", "--propose-ts", "38").returncode == 0
    entity = AE(ae_title="MODALITY")
    for number in range(128):
        entity.add_requested_context(f"{CTImageStorage}.{number}", ALL_TRANSFER_SYNTAXES)
    association = entity.associate(*receiver[0].address, ae_title="KAHUA")
    assert len(association.accepted_contexts) == 128
    association.release()


@pytest.mark.elsewhere
def test_a_real_pet_ct_arrives_complete_and_byte_for_byte(receiver: tuple[Receiver, Archive]) -> None:
    """From `dcmsend`, then again from `storescu`: nothing doubles."""
    folder = data() / "petct_acrin"
    files = [path for path in folder.rglob("*") if path.is_file()]
    for name, options in (("dcmsend", ["+sd", "+r", "-nh", "-dn"]), ("storescu", ["+sd", "+r", "-R"])):
        result = send(receiver[0], name, *options, str(folder / "ct" if name == "storescu" else folder))
        assert result.returncode == 0, result.stderr
    arrived = stored(receiver[1])
    assert len(arrived) == len(files)
    for path in files:
        header = dcmread(path, stop_before_pixels=True)
        syntax, content = arrived[header.SOPInstanceUID]
        if header.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian:
            # dcmsend proposes the explicit one too, and writes the object anew when that is accepted.
            assert syntax == ExplicitVRLittleEndian
            assert dcmread(BytesIO(content), force=True) == dcmread(path)
        else:
            assert (syntax, content) == (header.file_meta.TransferSyntaxUID, data_set_of(path)), path.name
    with receiver[1].database.read() as session:
        modalities = {row.series_uid: row.modality for row in session.scalars(select(SeriesRow))}
        references = {
            (modalities[source], modalities.get(target))
            for source, target in session.execute(
                select(SeriesRow.series_uid, SeriesReferenceRow.target_series_uid).join(
                    SeriesReferenceRow, SeriesReferenceRow.series_id == SeriesRow.id
                )
            )
        }
        assert session.scalars(select(QuarantineRow)).all() == []
    assert sorted(set(modalities.values())) == ["CT", "PT", "RTSTRUCT", "RWV", "SEG"]
    assert {("SEG", "CT"), ("SEG", "PT"), ("RTSTRUCT", "CT")} <= references


@pytest.mark.parametrize("syntax", OPTIONS)
def test_a_compressed_object_is_kept_as_it_is_sent(
    receiver: tuple[Receiver, Archive], tmp_path: Path, syntax: str
) -> None:
    instance = ct_series(slices=1)[0]
    path = tmp_path / "one.dcm"
    try:
        path.write_bytes(part10(instance, syntax))
    except NotImplementedError:
        pytest.skip("the factory does not encode this transfer syntax")
    result = send(receiver[0], "storescu", OPTIONS[syntax], str(path))
    assert result.returncode == 0, result.stderr
    assert stored(receiver[1]) == {instance.SOPInstanceUID: (syntax, data_set_bytes(instance, syntax))}


@pytest.mark.parametrize("syntax", ENCAPSULATED)
def test_any_encapsulated_object_is_kept_as_it_is_sent(
    receiver: tuple[Receiver, Archive], tmp_path: Path, syntax: str
) -> None:
    """Lossy images and videos, too: nothing is decoded on the way in."""
    content = encapsulated(ct_series(slices=1)[0], syntax)
    (tmp_path / "one.dcm").write_bytes(content)
    result = send(receiver[0], "storescu", ENCAPSULATED[syntax], str(tmp_path / "one.dcm"))
    assert result.returncode == 0, result.stderr
    assert list(stored(receiver[1]).values()) == [(syntax, data_set_of(tmp_path / "one.dcm"))]


def encapsulated(instance: Dataset, syntax: str) -> bytes:
    """Write a file whose pixels nobody can decode."""
    del instance.PixelData
    meta = write_file_meta(
        sop_class_uid=instance.SOPClassUID, sop_instance_uid=instance.SOPInstanceUID, transfer_syntax_uid=syntax
    )
    pixels = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + encapsulate([b"no pixels"]) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return meta + data_set_bytes(instance) + pixels


@pytest.mark.parametrize("sop_class", ["1.2.826.0.1.3680043.2.1.99", "1.3.12.2.1107.5.9.1"])
def test_an_object_of_a_private_sop_class_is_kept_as_it_is_sent(
    receiver: tuple[Receiver, Archive], tmp_path: Path, sop_class: str
) -> None:
    """From `dcmsend`, told not to look whether it knows them; the second is Siemens' own (CSA Non-Image)."""
    instance = ct_series(slices=1)[0]
    instance.SOPClassUID = sop_class
    (tmp_path / "one.dcm").write_bytes(part10(instance))
    result = send(receiver[0], "dcmsend", "-nuc", str(tmp_path / "one.dcm"))
    assert result.returncode == 0, result.stderr
    assert stored(receiver[1]) == {instance.SOPInstanceUID: (ExplicitVRLittleEndian, data_set_bytes(instance))}


def test_a_worklist_is_not_kept_here_and_its_query_is_refused_in_words(receiver: tuple[Receiver, Archive]) -> None:
    """This site asks worklists of others and has none: the peer learns it when it proposes the query."""
    result = send(receiver[0], "findscu", "-W", "-k", "PatientName")
    assert result.returncode != 0
    assert (
        "No presentation context" in result.stderr + result.stdout or "No Acceptable" in result.stderr + result.stdout
    )


@pytest.mark.elsewhere
def test_the_sender_of_broken_files_is_told_and_all_are_in_quarantine(receiver: tuple[Receiver, Archive]) -> None:
    """`storescu` sends what it can read itself; the rest it refuses to send."""
    failed = 0
    for path in sorted((data() / "broken").glob("*.dcm")):
        before = len(stored(receiver[1]))
        with receiver[1].database.read() as session:
            kept = len(session.scalars(select(QuarantineRow)).all())
        result = send(receiver[0], "storescu", "-v", str(path))
        with receiver[1].database.read() as session:
            refused = len(session.scalars(select(QuarantineRow)).all()) - kept
        output = result.stdout + result.stderr
        if "Received Store Response (Success)" in output:
            assert len(stored(receiver[1])) >= before
            assert refused == 0, path.name
        elif "Received Store Response" in output:
            failed += 1
            assert refused == 1, f"{path.name}: {output}"
            assert len(stored(receiver[1])) == before
    assert failed >= 2
    assert send(receiver[0], "echoscu").returncode == 0


@pytest.mark.elsewhere
def test_pynetdicom_stores_in_many_pieces_and_its_association_lives(receiver: tuple[Receiver, Archive]) -> None:
    entity = AE(ae_title="PYNETDICOM")
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    host, port = receiver[0].address
    instances = ct_series(slices=50, rows=256, columns=256)
    association = entity.associate(host, port)
    assert association.is_established
    with undisturbed(association):
        for instance in instances:
            instance.ensure_file_meta()
            instance.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
            assert association.send_c_store(instance).Status == 0
        assert association.send_c_echo().Status == 0
    association.release()
    arrived = stored(receiver[1])
    assert {uid: content for uid, (_, content) in arrived.items()} == {
        instance.SOPInstanceUID: data_set_bytes(instance) for instance in instances
    }
