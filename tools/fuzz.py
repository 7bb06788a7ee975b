"""Try what reads untrusted bytes with bytes that coverage leads: `make fuzz NAME=scanner ARGS=-max_total_time=300`.

Whatever a target is given, it ends with a result or a clean refusal; anything else ends the run, and the bytes are
kept in the folder in which it runs. Options are those of libFuzzer. Atheris is installed for this alone.
"""

import io
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kahua"]):
    from kahua.dicom import IMPLEMENTATION_CLASS_UID, Budget, read_file_meta, scan, transfer_syntaxes
    from kahua.dicom.json_model import instance_json
    from kahua.errors import DicomRefused, InvalidInput, KahuaError, TooMuch
    from kahua.store.dicomweb.multipart import MultipartReader
    from kahua.store.dimse import pdu
    from kahua.store.dimse.commands import MalformedCommand, decode_command, encode_echo_request, encode_store_request
    from kahua.store.workitems.documents import read_json
    from kahua.testing import factory

#: What a site allows, made small, so that it is reached.
BUDGET = Budget(max_header_bytes=200_000, max_elements=5000, max_depth=8, max_inflated_bytes=1_000_000)

#: Most bytes of one input.
MOST_BYTES = 8192

Target = Callable[[bytes], object]


def read_pdus(data: bytes) -> None:
    """Read an association request and the answer to one."""
    for decode in (pdu.decode_associate_request, pdu.decode_associate_accept):
        with suppress(pdu.MalformedPdu):
            decode(memoryview(data))


def read_command(data: bytes) -> None:
    """Read a command set."""
    with suppress(MalformedCommand):
        decode_command(data)


def read_header(data: bytes) -> None:
    """Read a Part 10 file: its File Meta Information and its header."""
    with suppress(DicomRefused):
        meta = read_file_meta(io.BytesIO(data))
        scan(io.BytesIO(data), **_where(data), transfer_syntax_uid=meta.transfer_syntax_uid, budget=BUDGET)


def write_json(data: bytes) -> None:
    """Write a Part 10 file as DICOM JSON."""
    with suppress(DicomRefused):
        syntax = read_file_meta(io.BytesIO(data)).transfer_syntax_uid
        model = instance_json(
            io.BytesIO(data), **_where(data), transfer_syntax_uid=syntax, bulk_data_uri="bulk", budget=BUDGET
        )
        if any(len(tag) != 8 or len(element["vr"]) != 2 for tag, element in model.items()):
            raise AssertionError("That is no DICOM JSON.")


def read_workitem(data: bytes) -> None:
    """Read DICOM JSON that a client sends."""
    with suppress(InvalidInput, TooMuch):
        read_json(data)


def read_multipart(data: bytes) -> None:
    """Read a multipart body in two pieces, and as a whole; both must say the same."""
    middle = data[0] % max(1, len(data)) if data else 0
    if _parts([data]) != _parts([data[:middle], data[middle:]]):
        raise AssertionError("A body in pieces is read in another way than as a whole.")


class _Sink(io.BytesIO):
    def close(self) -> None:
        """Keep what was written."""


def _parts(pieces: list[bytes]) -> object:
    sinks: list[_Sink] = []

    def open_part(_headers: object) -> _Sink:
        sinks.append(_Sink())
        return sinks[-1]

    reader = MultipartReader("b", open_part, max_parts=20)
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.finish()
    except KahuaError as error:
        return error.code
    return [sink.getvalue() for sink in sinks]


def _where(data: bytes) -> dict[str, int]:
    offset = read_file_meta(io.BytesIO(data)).data_offset
    return {"offset": offset, "size": len(data) - offset}


def _files() -> Iterator[bytes]:
    for syntax in (*sorted(transfer_syntaxes.NATIVE), transfer_syntaxes.RLE_LOSSLESS):
        if syntax != transfer_syntaxes.PRIVATE_GE:
            yield factory.part10(factory.ct_series(slices=1, rows=4, columns=4)[0], syntax)


def _bodies() -> Iterator[bytes]:
    head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    yield head + b"one\r\n" + head + b"two\r\n--b--\r\n"


def _commands() -> Iterator[bytes]:
    yield encode_store_request(1, sop_class_uid="1.2", sop_instance_uid="1.2.3")
    yield encode_echo_request(1, sop_class_uid="1.2.840.10008.1.1")


def _requests() -> Iterator[bytes]:
    context = pdu.ProposedContext(id=1, abstract_syntax="1.2.3", transfer_syntaxes=("1.2.840.10008.1.2",))
    yield pdu.encode_associate_request(
        called="KAHUA",
        calling="FUZZ",
        contexts=(context,),
        roles=(pdu.Role(sop_class_uid="1.2.3", user=True, provider=True),),
        max_pdu_bytes=16_384,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version="FUZZ",
    )[pdu.HEADER.size :]


def _documents() -> Iterator[bytes]:
    yield b'[{"00741000":{"vr":"CS","Value":["SCHEDULED"]},"00404018":{"vr":"SQ","Value":[{"00080100":{"vr":"SH"}}]}}]'
    yield b'{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B"}]}}'


#: By name: what is tried, and inputs from which the others are made.
TARGETS: dict[str, tuple[Target, Callable[[], Iterator[bytes]]]] = {
    "pdu": (read_pdus, _requests),
    "command": (read_command, _commands),
    "scanner": (read_header, _files),
    "multipart": (read_multipart, _bodies),
    "json": (read_workitem, _documents),
    "json-of-files": (write_json, _files),
}


def main() -> None:
    """Try one target until it fails, or the time is over."""
    name, *options = sys.argv[1:] or [""]
    if name not in TARGETS:
        sys.exit(f"Name one of {', '.join(TARGETS)}.")
    logging.disable()
    target, seeds = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="kahua-fuzz-") as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], f"-max_len={MOST_BYTES}", "-timeout=20", *options, folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
