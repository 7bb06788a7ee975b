"""A hostile DICOMweb server cannot make the client read without end, go elsewhere, or keep what was not asked for."""

import gzip
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import repeat
from pathlib import Path

import orjson
import pytest

from kahua.errors import InvalidInput, KahuaError, PeerUnavailable, TooMuch, UnreadableDicom
from kahua.settings import Settings
from kahua.store import Limits
from kahua.store.remote import outgoing
from kahua.store.remote.dicomweb import DicomwebSource
from kahua.store.remote.outgoing import CallRules, WebCaller, check_address
from kahua.store.remote.source import StudyQuery

from .hostile_web import Answering, hostile_server

MULTIPART = 'multipart/related; type="application/dicom"; boundary=x'
PART = b"--x\r\nContent-Type: application/dicom\r\n\r\n"
UID = "1.2.3"


def ask(answering: Answering, staging: Path, what: str, **settings: object) -> object:
    """Have the client ask a server for something."""
    limits = Limits.from_settings(Settings(data_dir=staging, **settings))  # type: ignore[arg-type]
    with hostile_server(answering) as (url, _):
        source = DicomwebSource(WebCaller(url, rules=CallRules(), secret="token"), limits=limits)
        try:
            match what:
                case "studies":
                    return source.find_studies(StudyQuery())
                case "series":
                    return source.find_series(UID)
                case _:
                    return [path.name for path in source.retrieve(UID, UID, staging)]
        finally:
            source.close()


def answer(
    body: bytes | Iterator[bytes], status: int = 200, kind: str = "application/dicom+json", **headers: str
) -> Answering:
    pieces = iter([body]) if isinstance(body, bytes) else body
    return lambda _path: (status, {"Content-Type": kind, **headers}, pieces)


@pytest.mark.parametrize(
    ("answering", "error", "words"),
    [
        (answer(b"<html>hello"), PeerUnavailable, "no JSON"),
        (answer(b'{"error": 1}'), PeerUnavailable, "no list"),
        (answer(b"[" * 200_000), PeerUnavailable, "no JSON"),
        (answer(b"", 302, Location="http://169.254.169.254/"), PeerUnavailable, "leads elsewhere"),
        (answer(b"", 401), PeerUnavailable, "does not let this site in"),
        (answer(b"", 500), PeerUnavailable, "500"),
        (answer(gzip.compress(b"[]"), **{"Content-Encoding": "gzip"}), PeerUnavailable, "compresses"),
        (answer(repeat(b" " * 1_000_000)), PeerUnavailable, "larger than"),
    ],
)
def test_a_wrong_answer_to_a_question_is_told_in_words(
    tmp_path: Path, answering: Answering, error: type[KahuaError], words: str
) -> None:
    with pytest.raises(error, match=words):
        ask(answering, tmp_path, "studies")


def test_items_that_are_none_are_passed_over(tmp_path: Path) -> None:
    items = [
        None,
        7,
        {},
        {"0020000D": {"Value": ["../../etc"]}},
        {
            "0020000D": {"Value": [UID]},
            "00100010": {"Value": [{"Alphabetic": ["a"]}]},
            "00201208": {"Value": ["9" * 99]},
        },
    ]
    (found,) = ask(answer(orjson.dumps(items)), tmp_path, "studies")  # type: ignore[misc]
    assert (found.study_uid, found.patient_name, found.instances) == (UID, "", None)


def test_a_server_that_does_not_decode_is_asked_again_and_only_what_fits_is_found(tmp_path: Path) -> None:
    """It takes the encoded letters for the value; with wildcards for them it gives more, some of it nonsense."""
    names: list[object] = [{"Alphabetic": "Müller^Jörg"}, {"Alphabetic": "Meller^Jorg"}, {"Alphabetic": 7}, 7, None]
    items = [
        {"0020000D": {"Value": [f"1.2.{number}"]}, "00100010": {"Value": [name]}} for number, name in enumerate(names)
    ]
    asked: list[str] = []

    def answering(path: str) -> tuple[int, dict[str, str], Iterator[bytes]]:
        asked.append(path)
        body = orjson.dumps([7, *items] if "%" not in path.partition("?")[2] else [])
        return 200, {"Content-Type": "application/dicom+json"}, iter([body])

    limits = Limits.from_settings(Settings(data_dir=tmp_path))
    with hostile_server(answering) as (url, _):
        source = DicomwebSource(WebCaller(url, rules=CallRules()), limits=limits)
        (found,) = source.find_studies(StudyQuery(patient_name="Müller^J?rg"))
        source.close()
    assert found.patient_name == "Müller^Jörg"
    assert ["00100010=M%C3%BCller^J?rg" in asked[0], "00100010=M*ller^J?rg" in asked[1]] == [True, True], asked


def test_series_of_another_study_are_passed_over(tmp_path: Path) -> None:
    items = [{"0020000E": {"Value": ["1.2.9"]}, "0020000D": {"Value": ["1.2.4"]}}]
    assert ask(answer(orjson.dumps(items)), tmp_path, "series") == []


def test_a_server_that_gives_the_same_page_for_ever_is_left(tmp_path: Path) -> None:
    page = orjson.dumps([{"0020000D": {"Value": [f"1.2.{number}"]}} for number in range(200)])
    asked: list[str] = []

    def answering(path: str) -> tuple[int, dict[str, str], Iterator[bytes]]:
        asked.append(path)
        return 200, {"Content-Type": "application/dicom+json"}, iter([page])

    assert len(ask(answering, tmp_path, "studies")) == 200  # type: ignore[arg-type]
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answering", "error", "words"),
    [
        (answer(b"DICM", kind="application/dicom"), UnreadableDicom, "no multipart"),
        (answer(PART + b"abc", kind=MULTIPART), PeerUnavailable, "cut off"),
        (answer(b"--x\r\nContent-Type: text/html\r\n\r\nhi\r\n--x--", kind=MULTIPART), UnreadableDicom, "well-formed"),
        (answer(iter([PART, *repeat(b"\0" * 100_000, 100)]), kind=MULTIPART), TooMuch, "larger than"),
        (answer(repeat(b"--x\r\nA: b\r\n\r\n\r\n" * 1000), kind=MULTIPART), TooMuch, "more than"),
        (answer(b"--x\r\nA: " + b"b" * 50_000, kind=MULTIPART), TooMuch, "header"),
    ],
)
def test_a_wrong_answer_to_a_retrieval_is_told_in_words(
    tmp_path: Path, answering: Answering, error: type[KahuaError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kahua.store.remote.dicomweb.MAX_INSTANCES", 500)
    with pytest.raises(error, match=words):
        ask(answering, tmp_path, "objects", max_object_bytes=1_000_000)


def test_an_answer_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "PATIENCE_SECONDS", -1.0)
    with pytest.raises(PeerUnavailable, match="too slowly"):
        ask(answer(iter([b"[", b"]"])), tmp_path, "studies")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104 - an address that is refused
        "::",
        "224.0.0.1",
        "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001:0:808:808:0:0:5601:5601",
        "64:ff9b::169.254.169.254",
        "127.0.0.1",
        "::1",
    ],
)
def test_a_name_that_leads_to_a_forbidden_address_is_not_called(address: str) -> None:
    with pytest.raises(InvalidInput, match="not called"):
        check_address("pacs.example", ip_address(address))


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[::ffff:169.254.169.254]", "0", "127.1"])
def test_no_way_of_writing_a_forbidden_address_leads_to_it(host: str) -> None:
    caller = WebCaller(f"https://{host}/latest", rules=CallRules())
    with pytest.raises(InvalidInput, match="not called"):
        caller.json("/meta-data")
    caller.close()


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.1.1", "fd12::1", "8.8.8.8", "64:ff9b::10.1.2.3", "2001:db8::7"]
)
def test_a_pacs_of_the_hospital_is_called(address: str) -> None:
    check_address("pacs.example", ip_address(address))


def test_without_tls_only_this_machine_and_named_hosts_are_called() -> None:
    with pytest.raises(InvalidInput, match="without TLS"):
        WebCaller("http://pacs.example/dicom-web", rules=CallRules())
    for url, hosts in (("http://pacs.example/", ("pacs.example",)), ("http://127.0.0.1:1/", ()), ("https://a.b/", ())):
        WebCaller(url, rules=CallRules(plain_http_hosts=hosts)).close()


def test_the_token_goes_to_the_peer_and_to_nobody_else() -> None:
    with (
        hostile_server(answer(b"[]")) as (elsewhere, seen_elsewhere),
        hostile_server(answer(b"", 307, Location=elsewhere)) as (url, seen),
    ):
        caller = WebCaller(url, rules=CallRules(), secret="token")
        with pytest.raises(PeerUnavailable):
            caller.json("/studies")
        caller.close()
    assert seen[0]["authorization"] == "Bearer token"
    assert seen_elsewhere == []
