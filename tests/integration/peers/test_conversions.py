"""Instances that a peer does not take as they are stored, for peers that others wrote: DCMTK and pynetdicom."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, SecondaryCaptureImageStorage

from kahua import datasets
from kahua.access import ensure_project
from kahua.dicom import transfer_syntaxes as syntaxes
from kahua.site import Site
from kahua.store import Origin, PeerFacts, add_peer, find_peer, pseudonyms_of
from kahua.store.dimse import Receiver
from kahua.store.remote.deliveries import DELIVERIES
from kahua.store.remote.tables import DeliveryItemRow
from kahua.testing.factory import ct_series, part10, picture
from kahua.testing.serving import free_port
from kahua.testing.site import temporary_site
from kahua.testing.storing import Answering, storing_server, told

from .servers import storescp, tool

#: Syntaxes in which the slices of one series are kept.
STORED = (
    syntaxes.EXPLICIT_LITTLE_ENDIAN,
    syntaxes.EXPLICIT_BIG_ENDIAN,
    syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN,
    syntaxes.JPEG_LS_LOSSLESS,
    syntaxes.JPEG_2000_LOSSLESS,
    syntaxes.JPEG_LOSSLESS_SV1,
    syntaxes.RLE_LOSSLESS,
)
SLICES = ct_series(slices=len(STORED))
STUDY = str(SLICES[0].StudyInstanceUID)

#: Numbers in bytes, whose order is not that of the pixels.
CURVE = np.arange(0, 5120, 20, "u2")

PRIVATE_SYNTAX = "1.2.3.4.5"
MPEG = "1.2.840.10008.1.2.4.102"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    site = temporary_site(folder, dicom_port=0)
    yield site
    site.close()


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    receiver = site.receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def kept(site: Site, tmp_path: Path) -> str:
    """A series, each slice of it in another transfer syntax; give its id."""
    for number, (instance, syntax) in enumerate(zip(SLICES, STORED, strict=True)):
        written = Dataset()
        written.update(instance)
        order = ">" if syntax == syntaxes.EXPLICIT_BIG_ENDIAN else "<"
        written.SegmentedRedPaletteColorLookupTableData = CURVE.astype(f"{order}u2").tobytes()
        (tmp_path / f"{number}.dcm").write_bytes(part10(written, syntax))
        series = keep(site, tmp_path / f"{number}.dcm")
    return series


def keep(site: Site, path: Path) -> str:
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
    return site.archive.store_file(project, path, Origin(door="import", sender="test")).series_id


def add(site: Site, name: str, port: int, *, deidentify: bool = False) -> None:
    facts = PeerFacts(ae_title=name.upper(), host="127.0.0.1", port=port, may_query=True, deidentify=deidentify)
    with site.database.write() as session:
        add_peer(session, project_id=ensure_project(session, name="main").id, name=name, facts=facts)


def add_web(site: Site, url: str, *, deidentify: bool) -> None:
    facts = PeerFacts(kind="dicomweb", url=url, deidentify=deidentify)
    with site.database.write() as session:
        add_peer(session, project_id=ensure_project(session, name="main").id, name="web", facts=facts)


def deliver(site: Site, name: str, series: str) -> DeliveryItemRow:
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
        peer = find_peer(session, project, name)
        delivery = datasets.start_delivery(session, peer=peer, actor="ada", series=[series])
    deliverer = site.deliverer()
    while deliverer.step():
        pass
    with site.database.read() as session:
        (item,) = DELIVERIES.items(session, DELIVERIES.find(session, project, delivery.id), limit=2)
    return item


def check_received(folder: Path, *taken: str) -> None:
    """What came holds the same pixels and numbers, in a transfer syntax that the peer takes."""
    got = {each.SOPInstanceUID: each for each in map(dcmread, folder.iterdir())}
    assert set(got) == {each.SOPInstanceUID for each in SLICES}
    for instance in SLICES:
        there = got[instance.SOPInstanceUID]
        assert there.file_meta.TransferSyntaxUID in taken
        assert np.array_equal(there.pixel_array, pixels_of(instance))
        order = ">" if there.file_meta.TransferSyntaxUID == syntaxes.EXPLICIT_BIG_ENDIAN else "<"
        assert np.array_equal(np.frombuffer(there.SegmentedRedPaletteColorLookupTableData, f"{order}u2"), CURVE)
        assert there.PatientName == instance.PatientName


def pixels_of(instance: Dataset) -> object:
    stored = np.frombuffer(instance.PixelData, "<i2" if instance.PixelRepresentation else "<u2")
    return stored.reshape(instance.Rows, instance.Columns)


def test_a_delivery_reaches_a_peer_that_takes_implicit_alone(site: Site, kept: str, tmp_path: Path) -> None:
    with storescp(tmp_path / "got", "+xi") as port:
        add(site, "plain", port)
        item = deliver(site, "plain", kept)
    assert (item.state, item.sent, item.failed) == ("done", len(SLICES), 0)
    check_received(tmp_path / "got", syntaxes.IMPLICIT_LITTLE_ENDIAN)


def test_a_delivery_by_stow_sends_again_what_the_peer_does_not_take(site: Site, kept: str, tmp_path: Path) -> None:
    with storing_server(takes_explicit_alone(tmp_path / "got")) as url:
        add_web(site, url, deidentify=False)
        item = deliver(site, "web", kept)
    assert (item.state, item.sent, item.failed) == ("done", len(SLICES), 0)
    check_received(tmp_path / "got", syntaxes.EXPLICIT_LITTLE_ENDIAN)


def takes_explicit_alone(folder: Path) -> Answering:
    """Answer as an archive does that takes Explicit VR Little Endian alone, and keeps what it takes in a folder."""
    folder.mkdir()

    def answer(instances: Sequence[Dataset]) -> tuple[int, bytes]:
        taken = [each for each in instances if each.file_meta.TransferSyntaxUID == syntaxes.EXPLICIT_LITTLE_ENDIAN]
        for instance in taken:
            instance.save_as(folder / instance.SOPInstanceUID)
        refused = [(each, 0xC122) for each in instances if each not in taken]
        return 202 if refused else 200, told(taken, refused)

    return answer


def test_what_a_peer_refuses_by_stow_is_de_identified_when_it_goes_again(site: Site, kept: str, tmp_path: Path) -> None:
    with storing_server(takes_explicit_alone(tmp_path / "got")) as url:
        add_web(site, url, deidentify=True)
        item = deliver(site, "web", kept)
    assert (item.state, item.sent, item.failed) == ("done", len(SLICES), 0)
    got = [dcmread(path) for path in (tmp_path / "got").iterdir()]
    assert len(got) == len(SLICES)
    assert all(each.PatientName != SLICES[0].PatientName for each in got)
    assert list(site.settings.folder("staging").iterdir()) == []


def test_a_delivery_is_de_identified_before_it_is_converted(site: Site, kept: str, tmp_path: Path) -> None:
    with storescp(tmp_path / "got", "+xi") as port:
        add(site, "plain", port, deidentify=True)
        item = deliver(site, "plain", kept)
    assert (item.state, item.sent, item.failed) == ("done", len(SLICES), 0)
    got = [dcmread(path) for path in (tmp_path / "got").iterdir()]
    with site.database.write() as session:
        pseudonyms = pseudonyms_of(session, ensure_project(session, name="main").id)
    assert {each.SOPInstanceUID for each in got} == {pseudonyms.uid(str(each.SOPInstanceUID)) for each in SLICES}
    assert {str(each.file_meta.TransferSyntaxUID) for each in got} == {syntaxes.IMPLICIT_LITTLE_ENDIAN}
    assert [path for path in site.archive.staging.folder.iterdir() if path.name.startswith("export-")] == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("option", "taken"),
    [
        ("+xi", (syntaxes.IMPLICIT_LITTLE_ENDIAN,)),
        ("+xe", (*syntaxes.PLAIN, syntaxes.EXPLICIT_BIG_ENDIAN)),
        ("+xt", (*syntaxes.PLAIN, syntaxes.EXPLICIT_BIG_ENDIAN, syntaxes.JPEG_LS_LOSSLESS)),
    ],
)
def test_c_move_reaches_whatever_its_destination_takes(
    site: Site, receiver: Receiver, tmp_path: Path, option: str, taken: tuple[str, ...]
) -> None:
    add(site, "reader", free_port())
    with storescp(tmp_path / "got", option) as port:
        add(site, "there", port)
        done = ask(receiver, "movescu", "-aem", "THERE")
    assert done.returncode == 0, done.stderr
    check_received(tmp_path / "got", *taken)


@pytest.mark.usefixtures("kept")
def test_c_get_reaches_a_peer_that_takes_no_compression(site: Site, receiver: Receiver, tmp_path: Path) -> None:
    add(site, "reader", free_port())
    (tmp_path / "got").mkdir()
    done = ask(receiver, "getscu", "+B", "-od", str(tmp_path / "got"))
    assert done.returncode == 0, done.stderr
    check_received(tmp_path / "got", *syntaxes.PLAIN)


def ask(receiver: Receiver, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    host, port = receiver.address
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}")
    command = [tool(name), "-S", "-aet", "READER", "-aec", "KAHUA", *options, *keys, host, str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_pynetdicom_gets_a_lossy_image_as_its_decoded_pixels(site: Site, tmp_path: Path) -> None:
    """Nothing is compressed once more: what has been lost stays lost, and is said."""
    colours = np.indices((16, 16, 3)).sum(0).astype("u1") * 5
    image = picture(colours, photometric="YBR_FULL_422", LossyImageCompression="01", LossyImageCompressionRatio="7")
    (tmp_path / "lossy.dcm").write_bytes(part10(image, syntaxes.JPEG_BASELINE))
    series = keep(site, tmp_path / "lossy.dcm")
    got: list[Dataset] = []
    with listening(got, SecondaryCaptureImageStorage, syntaxes.EXPLICIT_LITTLE_ENDIAN) as port:
        add(site, "plain", port)
        item = deliver(site, "plain", series)
    assert (item.state, item.sent) == ("done", 1)
    assert (got[0].LossyImageCompression, got[0].PhotometricInterpretation) == ("01", "RGB")
    assert np.abs(got[0].pixel_array.astype(int) - colours).max() < 40


@contextmanager
def listening(got: list[Dataset], sop_class: str, *taken: str) -> Iterator[int]:
    """Let pynetdicom listen, for one SOP class in some transfer syntaxes."""

    def note(event: evt.Event) -> int:
        event.dataset.file_meta = event.file_meta
        got.append(event.dataset)
        return 0

    entity = AE(ae_title="PLAIN")
    entity.add_supported_context(sop_class, list(taken))
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, note)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@pytest.mark.parametrize("syntax", [PRIVATE_SYNTAX, MPEG])
def test_what_cannot_be_converted_is_not_sent_and_told(site: Site, tmp_path: Path, syntax: str) -> None:
    """Nobody knows what a private syntax holds; the frames of a video are one stream."""
    (image,) = ct_series(slices=1, seed="strange")
    content = part10(image, syntaxes.RLE_LOSSLESS)
    known, other = (each.encode() + b"\0" * (len(each) % 2) for each in (syntaxes.RLE_LOSSLESS, syntax))
    place = content.index(known)
    length = content[place - 2 : place]
    assert int.from_bytes(length, "little") == len(known)
    changed = content[: place - 2] + len(other).to_bytes(2, "little") + other + content[place + len(known) :]
    (tmp_path / "strange.dcm").write_bytes(changed)
    series = keep(site, tmp_path / "strange.dcm")
    got: list[Dataset] = []
    with listening(got, CTImageStorage, *syntaxes.PLAIN) as port:
        add(site, "plain", port)
        item = deliver(site, "plain", series)
    assert (item.state, item.failed, got) == ("failed", 1, [])
    assert "0122H" in item.note


def test_pixels_that_cannot_be_decoded_are_told_with_the_reason(site: Site, tmp_path: Path) -> None:
    good, bad = ct_series(slices=2, seed="damaged")
    content = bytearray(part10(bad, syntaxes.JPEG_LS_LOSSLESS))
    content[-200:-20] = bytes(180)
    (tmp_path / "good.dcm").write_bytes(part10(good, syntaxes.JPEG_LS_LOSSLESS))
    (tmp_path / "bad.dcm").write_bytes(content)
    keep(site, tmp_path / "good.dcm")
    series = keep(site, tmp_path / "bad.dcm")
    got: list[Dataset] = []
    with listening(got, CTImageStorage, *syntaxes.PLAIN) as port:
        add(site, "plain", port)
        item = deliver(site, "plain", series)
    assert (item.state, item.sent, item.failed) == ("failed", 1, 1)
    assert [each.SOPInstanceUID for each in got] == [good.SOPInstanceUID]
