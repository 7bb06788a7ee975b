"""PDUs and command sets, from and to bytes; whatever comes is read or refused."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import pdu as peer
from pynetdicom.dsutils import decode as decode_dataset

from kahua.store.dimse import pdu
from kahua.store.dimse.commands import (
    Command,
    MalformedCommand,
    Status,
    comment_of,
    decode_command,
    encode_response,
)

from .raw import associate_body, command_set

CT = "1.2.840.10008.5.1.4.1.1.2"


def test_an_association_request_is_read() -> None:
    request = pdu.decode_associate_request(
        memoryview(associate_body(called="kp-main", calling="SCANNER", contexts={1: (CT, ["1.2.840.10008.1.2.4.80"])}))
    )
    assert (request.called, request.calling) == ("kp-main", "SCANNER")
    assert request.contexts == (
        pdu.ProposedContext(id=1, abstract_syntax=CT, transfer_syntaxes=("1.2.840.10008.1.2.4.80",)),
    )
    assert request.max_pdu_bytes == 16384


def test_what_is_written_is_read_by_pynetdicom() -> None:
    body = memoryview(associate_body(called="kp-main", calling="SCANNER", contexts={1: (CT, ["1.2"]), 3: ("1.3", [])}))
    accept = peer.A_ASSOCIATE_AC()
    accept.decode(
        pdu.encode_associate_accept(
            body,
            [
                pdu.ContextAnswer(id=1, result=pdu.ContextResult.ACCEPTED, transfer_syntax="1.2"),
                pdu.ContextAnswer(
                    id=3, result=pdu.ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, transfer_syntax="1.2.840.10008.1.2"
                ),
            ],
            max_pdu_bytes=131072,
            implementation_class_uid="1.2.3",
            implementation_version="KAHUA",
        )
    )
    primitive = accept.to_primitive()
    assert primitive.calling_ae_title.strip() == "SCANNER"
    assert [(item.context_id, item.result) for item in primitive.presentation_context_definition_results_list] == [
        (1, 0),
        (3, 3),
    ]
    assert primitive.maximum_length_received == 131072
    reject = peer.A_ASSOCIATE_RJ()
    reject.decode(pdu.encode_reject(pdu.Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED))
    assert (reject.result, reject.source, reject.reason_diagnostic) == (1, 1, 7)
    abort = peer.A_ABORT_RQ()
    abort.decode(pdu.encode_abort(pdu.AbortReason.UNRECOGNIZED_PDU))
    assert (abort.source, abort.reason_diagnostic) == (2, 1)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda body: body[:60], "too short"),
        (lambda body: body[:-1], "longer than the field"),
        (lambda body: body + b"\x20", "cut off"),
        (lambda body: body[:68], "0 presentation contexts"),
        (lambda body: body + b"\x20\0\0\x04\x01\0\0\0", "the same id"),
        (lambda body: body + b"\x20\0\0\x04\x02\0\0\0", "no odd id"),
        (lambda body: body + b"\x20\0\0\x4d\x03\0\0\0\x30\0\0\x45" + b"1" * 69, "longer than 64"),
    ],
)
def test_a_damaged_association_request_is_refused(damage: object, sentence: str) -> None:
    body = associate_body(called="A", calling="B", contexts={1: (CT, ["1.2"])})
    with pytest.raises(pdu.MalformedPdu, match=sentence):
        pdu.decode_associate_request(memoryview(damage(body)))  # type: ignore[operator]


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_confuse_the_reader_of_requests(noise: bytes, place: int) -> None:
    body = bytearray(associate_body(called="A", calling="B", contexts={1: (CT, ["1.2"])}))
    body[place : place + len(noise)] = noise
    for candidate in (noise, bytes(body)):
        try:
            pdu.decode_associate_request(memoryview(candidate))
        except pdu.MalformedPdu:
            continue


def test_a_command_is_read() -> None:
    command = decode_command(command_set(0x0001, message_id=7, sop_class=CT, sop_instance="1.2.3", data_set=True))
    assert command == Command(field=1, message_id=7, has_data_set=True, sop_class_uid=CT, sop_instance_uid="1.2.3")


def test_a_response_is_read_by_pynetdicom() -> None:
    request = Command(field=1, message_id=7, has_data_set=True, sop_class_uid=CT, sop_instance_uid="1.2.3")
    response = encode_response(request, Status.CANNOT_UNDERSTAND, "It is broken.")
    elements = decode_dataset(BytesIO(response), is_implicit_vr=True, is_little_endian=True)
    assert elements.CommandGroupLength == len(response) - 12
    assert (elements.CommandField, elements.MessageIDBeingRespondedTo, elements.Status) == (0x8001, 7, 0xC000)
    assert (elements.AffectedSOPClassUID, elements.AffectedSOPInstanceUID) == (CT, "1.2.3")
    assert elements.ErrorComment == "It is broken."
    assert elements.CommandDataSetType == 0x0101


def test_a_comment_fits_into_its_element() -> None:
    assert comment_of("Größe\\" + "x" * 100) == "Gr??e/" + "x" * 55 + "..."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        struct.pack("<HHL", 0, 0x100, 0xFFFFFFFF),
        struct.pack("<HHL", 8, 0x100, 0),
        command_set(1, message_id=1)[:-2],
        command_set(0x0001, message_id=1, sop_class="1" * 66),
    ],
)
def test_a_damaged_command_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedCommand):
        decode_command(data)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_confuse_the_reader_of_commands(noise: bytes, place: int) -> None:
    data = bytearray(command_set(1, message_id=1, sop_class=CT, sop_instance="1.2.3", data_set=True))
    data[place : place + len(noise)] = noise
    for candidate in (noise, bytes(data)):
        try:
            decode_command(candidate)
        except MalformedCommand:
            continue
