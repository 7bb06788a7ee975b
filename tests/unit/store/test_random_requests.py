"""Any body that is stored, and any query that is asked, has an answer or a refusal."""

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kahua.errors import InvalidInput, KahuaError, TooMuch
from kahua.store import Archive, Origin
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.documents import Documents
from kahua.store.dicomweb.query import find, parse_query
from kahua.store.dicomweb.stow import StowRequest
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, mr_series, part10

SERIES = ct_series(slices=2, rows=4, columns=4)
FILES = [part10(instance) for instance in SERIES]
BOUNDARY = "b0undary"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("random")
    with archive_in(folder) as archive:
        for instance in [*SERIES, *mr_series(slices=2, rows=4, columns=4, seed="mr")]:
            path = folder / "one.dcm"
            path.write_bytes(part10(instance))
            archive.store_file("main", path, Origin(door="import", sender="test"))
        yield archive


DELIMITERS = st.sampled_from(
    [
        f"--{BOUNDARY}\r\n",
        f"--{BOUNDARY}\r\n",
        f"\r\n--{BOUNDARY}\r\n",
        f"--{BOUNDARY}\n",
        "--b0undar\r\n",
        "--\r\n",
        "",
    ]
).map(str.encode)
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Content-Type: application/dicom\r\n",
            b"content-type:application/dicom;transfer-syntax=1.2\r\n",
            b"Content-Type: text/html\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 99999999999999999999\r\n",
            b"no colon\r\n",
            b": empty\r\n",
            b"\xff\xfe: \x00\r\n",
            b"X: " + b"x" * 9000 + b"\r\n",
        ]
    ),
    max_size=2,
).map(b"".join)
CONTENTS = st.sampled_from([*FILES, FILES[0][:200], FILES[0][:-5], b""]) | st.binary(max_size=200)
PARTS = st.tuples(DELIMITERS, HEADERS, st.sampled_from([b"\r\n", b"\r\n", b"\n", b""]), CONTENTS, st.just(b"\r\n"))
ENDS = st.sampled_from([f"--{BOUNDARY}--\r\n", f"--{BOUNDARY}--", f"--{BOUNDARY}", "", "--"]).map(str.encode)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Return a multipart body, whole or not, of which some bytes are changed."""
    data = bytearray(b"".join(map(b"".join, draw(st.lists(PARTS, max_size=3)))) + draw(ENDS))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "remove", "cut"])):
            case "change":
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=4))
            case "remove":
                del data[place : place + draw(st.integers(1, 40))]
            case _:
                del data[place:]
    return bytes(data)


@given(body=bodies(), piece=st.integers(1, 5000), study=st.sampled_from([None, SERIES[0].StudyInstanceUID, "1.2.3"]))
@settings(max_examples=200, deadline=None)
def test_any_body_is_stored_or_refused(kept: Archive, body: bytes, piece: int, study: str | None) -> None:
    request = StowRequest(archive=kept, project_id="main", sender="test", study_uid=study, boundary=BOUNDARY)
    try:
        for start in range(0, len(body), piece):
            request.feed(body[start : start + piece])
        stored = request.finish()
        assert stored.accepted or stored.failed
        assert all(isinstance(error, KahuaError) and str(error) for *_, error in stored.failed)
    except (InvalidInput, TooMuch) as error:
        assert error.message  # noqa: PT017 - there may be an error or none; if there is one, it has words
    finally:
        request.close()
    assert list(kept.staging.folder.iterdir()) == []


NAMES = (
    st.sampled_from(
        [
            "PatientID",
            "PatientName",
            "StudyDate",
            "StudyTime",
            "ModalitiesInStudy",
            "SOPClassesInStudy",
            "Modality",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "SOPInstanceUID",
            "SeriesNumber",
            "InstanceNumber",
            "NumberOfFrames",
            "AccessionNumber",
            "StudyDescription",
            "Rows",
            "PixelData",
            "SliceThickness",
            "RequestAttributesSequence",
            "RequestAttributesSequence.ScheduledProcedureStepID",
            "00100020",
            "00400275.00400009",
            "00091001",
            "7FE00010",
            "FFFEE000",
            "includefield",
            "limit",
            "offset",
            "fuzzymatching",
            "accept",
        ]
    )
    | st.text(max_size=12)
    | st.from_regex(r"[0-9A-Fa-f]{8}(\.[0-9A-Fa-f]{8}){0,3}", fullmatch=True)
)
WILD = st.text("*?%_\\^=-.,[]()'\"19aÄ漢\0", max_size=30)
RANGES = st.tuples(st.from_regex(r"[0-9]{0,14}(\.[0-9]{1,6})?", fullmatch=True), st.sampled_from(["", "-", "--"])).map(
    "".join
)
VALUES = (
    WILD
    | st.text(max_size=20)
    | st.tuples(RANGES, RANGES).map("".join)
    | st.integers().map(str)
    | st.sampled_from(["all", "true", "false", "*" * 300, "a" * 5000, "9" * 5000, "1e999", "NaN", "20240230", "2400"])
    | st.sampled_from([SERIES[0].StudyInstanceUID, ",".join(["1.2.3"] * 600), "00100010,PatientID", "Rows"])
)


@given(level=st.sampled_from(Level), parameters=st.lists(st.tuples(NAMES, VALUES), max_size=5))
@settings(max_examples=400, deadline=None)
def test_any_query_is_answered_or_refused(kept: Archive, level: Level, parameters: list[tuple[str, str]]) -> None:
    with kept.database.look() as look:
        documents = Documents(kept.database, kept.objects, "main", kept.limits.budget)
        try:
            answer = find(look, "main", parse_query(level, parameters), base_url="https://a", documents=documents)
        except (InvalidInput, TooMuch) as error:
            assert error.message  # noqa: PT017 - there may be an error or none; if there is one, it has words
        else:
            assert len(orjson.loads(answer.body)) == answer.count
