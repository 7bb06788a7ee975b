"""What becomes of instances that are sent by STOW-RS, whatever status the peer answers with."""

from collections.abc import Iterator, Sequence

import pytest
from pydicom import Dataset

from kahua.dicom.transfer_syntaxes import EXPLICIT_LITTLE_ENDIAN
from kahua.errors import NotFound, PeerUnavailable
from kahua.store.dimse.sender import Outgoing, Sent
from kahua.store.remote.outgoing import CallRules, WebCaller
from kahua.store.remote.target import DicomwebTarget
from kahua.testing.factory import ct_series, data_set_bytes
from kahua.testing.storing import Answering, storing_server, told

SLICES = ct_series(slices=3, rows=2, columns=2)
UIDS = [str(each.SOPInstanceUID) for each in SLICES]


def outgoing(instance: Dataset) -> Outgoing:
    def data() -> Iterator[bytes]:
        yield data_set_bytes(instance)

    return Outgoing(
        sop_class_uid=str(instance.SOPClassUID),
        sop_instance_uid=str(instance.SOPInstanceUID),
        transfer_syntax_uid=EXPLICIT_LITTLE_ENDIAN,
        data=data,
    )


def sent(answering: Answering) -> list[Sent]:
    with storing_server(answering) as url:
        target = DicomwebTarget(WebCaller(url, rules=CallRules()))
        try:
            return list(target.send([outgoing(each) for each in SLICES]))
        finally:
            target.close()


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, 0x0110, "does not understand"),
        (409, 0x0110, "does not take it"),
        (413, 0x0110, "larger than the peer takes"),
        (415, 0xC122, "does not take its type"),
        (422, 0x0110, "cannot use it"),
    ],
)
def test_one_that_has_a_whole_request_refused_does_not_hinder_the_others(status: int, reason: int, words: str) -> None:
    def answer(instances: Sequence[Dataset]) -> tuple[int, bytes]:
        if any(each.SOPInstanceUID == UIDS[1] for each in instances):
            return status, b"<html>no</html>"
        return 200, told(instances)

    outcomes = sent(answer)
    assert [each.instance.sop_instance_uid for each in outcomes] == UIDS
    assert [each.status for each in outcomes] == [0, reason, 0]
    assert words in outcomes[1].comment
    assert str(status) in outcomes[1].comment


def test_reasons_of_the_peer_are_told() -> None:
    outcomes = sent(lambda instances: (409, told([], [(each, 0xA900) for each in instances])))
    assert [each.status for each in outcomes] == [0xA900] * 3


@pytest.mark.parametrize("status", [204, 302, 401, 403, 429, 500, 503, 507])
def test_what_may_go_another_time_is_sent_again(status: int) -> None:
    with pytest.raises(PeerUnavailable, match=str(status)):
        sent(lambda _: (status, b""))


@pytest.mark.parametrize("status", [404, 410])
def test_an_address_without_the_service_is_told(status: int) -> None:
    with pytest.raises(NotFound, match="does not have this"):
        sent(lambda _: (status, b""))


@pytest.mark.parametrize(("status", "body"), [(200, b"stored!"), (202, b""), (200, told(SLICES[:2]))])
def test_an_answer_that_does_not_tell_is_no_success(status: int, body: bytes) -> None:
    with pytest.raises(PeerUnavailable):
        sent(lambda _: (status, body))
