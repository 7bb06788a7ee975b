"""Where images are sent: a peer by C-STORE or by STOW-RS."""

import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import orjson

from kahua.dicom import write_file_meta
from kahua.dicom.transfer_syntaxes import EXPLICIT_LITTLE_ENDIAN
from kahua.errors import KahuaError, PeerUnavailable, TooMuch
from kahua.store.dicomweb.multipart import PartHead, new_boundary, write_multipart
from kahua.store.dimse.commands import Status
from kahua.store.dimse.sender import Destination, Outgoing, Rewriter, Sent, data_set, not_converted, send
from kahua.store.remote.answers import text_of, texts_of
from kahua.store.remote.outgoing import WebCaller

#: Largest answer to a STOW-RS request that is read.
MAX_ANSWER_BYTES: Final = 8_000_000

#: Statuses of STOW-RS: all stored, some stored, none stored (PS3.18 table 10.5.3-1).
ANSWERED: Final = (200, 202, 409)
NONE_STORED: Final = 409
UNSUPPORTED_MEDIA_TYPE: Final = 415

#: Statuses that refuse a whole request for what may be true of one instance in it alone, in words.
REFUSED: Final = {
    400: "The peer does not understand it",
    409: "The peer does not take it",
    413: "It is larger than the peer takes",
    415: "The peer does not take its type",
    422: "The peer cannot use it",
}

#: Failure reason of an instance whose transfer syntax the server does not take (PS3.18 table I.2-2).
TRANSFER_SYNTAX_NOT_SUPPORTED: Final = 0xC122

STORED, FAILED = "00081199", "00081198"


class ImageTarget(Protocol):
    """Takes instances.

    An implementation
    - MUST give exactly one answer for each instance, in the order given, unless it raises;
    - MUST raise `PeerUnavailable` when what was sent may not have arrived.
    """

    def send(self, instances: Sequence[Outgoing]) -> Iterator[Sent]:
        """Send instances, and give what became of each."""

    def close(self) -> None:
        """Close what is open."""


@dataclass(frozen=True, kw_only=True)
class DimseTarget:
    """An `ImageTarget` by C-STORE."""

    destination: Destination
    #: AE title of this site.
    calling: str
    security: ssl.SSLContext | None = None
    #: Converts what the peer does not take as it is stored.
    rewriter: Rewriter | None = None

    def send(self, instances: Sequence[Outgoing]) -> Iterator[Sent]:
        """Send instances, and give what became of each."""
        return send(self.destination, instances, calling=self.calling, security=self.security, rewriter=self.rewriter)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class DicomwebTarget:
    """An `ImageTarget` by STOW-RS (PS3.18 section 10.5).

    What the peer refuses for its transfer syntax it gets once more, uncompressed. Of a request that it refuses as a
    whole, it gets each instance alone: one that it cannot take does not hinder the others.
    """

    caller: WebCaller
    #: Converts what the peer does not take as it is stored.
    rewriter: Rewriter | None = None

    def close(self) -> None:
        """Close the connections."""
        self.caller.close()

    def send(self, instances: Sequence[Outgoing]) -> Iterator[Sent]:
        """Send instances in one request, and give what became of each."""
        for sent in list(self._store(instances)):
            refused = sent.status == TRANSFER_SYNTAX_NOT_SUPPORTED
            yield self._plainly(sent) if refused and sent.instance.is_convertible and self.rewriter else sent

    def _plainly(self, refused: Sent) -> Sent:
        instance = refused.instance
        with ExitStack() as stack:
            try:
                data = stack.enter_context(data_set(instance, EXPLICIT_LITTLE_ENDIAN, self.rewriter))
            except KahuaError as error:
                return not_converted(instance, error)
            plain = replace(instance, transfer_syntax_uid=EXPLICIT_LITTLE_ENDIAN, data=lambda: data)
            (sent,) = self._store([plain])
        return replace(sent, instance=instance)

    def _store(self, instances: Sequence[Outgoing]) -> Iterator[Sent]:
        status, told = self._request(instances)
        if told is not None:
            yield from _outcomes(instances, told)
        elif len(instances) > 1:
            for instance in instances:
                yield from self._store([instance])
        else:
            yield _refused(instances[0], status)

    def _request(self, instances: Sequence[Outgoing]) -> tuple[int, Any]:
        """Send instances in one request; give the status, and what the peer says of each, if it does."""
        boundary = new_boundary()
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        }
        body = write_multipart(boundary, _parts(boundary, instances))
        taken = (*ANSWERED, *REFUSED)
        with self.caller.call("POST", "/studies", headers=headers, content=body, taken=taken) as answer:
            return answer.status, _read(answer.status, answer.pieces()) if answer.status in ANSWERED else None


def _outcomes(instances: Sequence[Outgoing], told: Any) -> Iterator[Sent]:
    """Read what became of each instance."""
    stored = {text_of(item, "00081155") for item in _items(told, STORED)}
    reasons = {text_of(item, "00081155"): _reason(item) for item in _items(told, FAILED)}
    for instance in instances:
        uid = instance.sop_instance_uid
        if uid in stored:
            yield Sent(instance=instance, status=Status.SUCCESS)
        elif uid in reasons:
            yield Sent(instance=instance, status=reasons[uid])
        else:
            raise PeerUnavailable("The peer does not say what became of an instance.")


def _refused(instance: Outgoing, status: int) -> Sent:
    """Say why an instance was refused that was alone in its request."""
    reason = TRANSFER_SYNTAX_NOT_SUPPORTED if status == UNSUPPORTED_MEDIA_TYPE else Status.PROCESSING_FAILURE
    return Sent(instance=instance, status=reason, comment=f"{REFUSED[status]} (HTTP status {status}).")


def _parts(boundary: str, instances: Iterable[Outgoing]) -> Iterator[tuple[PartHead, Iterator[bytes]]]:
    for instance in instances:
        yield PartHead(boundary=boundary, media_type="application/dicom"), _file(instance)


def _file(instance: Outgoing) -> Iterator[bytes]:
    yield write_file_meta(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
    )
    yield from instance.data()


def _read(status: int, pieces: Iterator[bytes]) -> Any:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise TooMuch(f"The answer is larger than {MAX_ANSWER_BYTES} bytes.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if status == NONE_STORED:  # some servers say no more than that
            return None
        raise PeerUnavailable("The answer to what was sent is no JSON.") from error


def _items(told: Any, tag: str) -> list[Any]:
    element = told.get(tag) if isinstance(told, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _reason(item: Any) -> int:
    """Give the failure reason (PS3.18 table I.2-2); one that is not told is a processing failure."""
    text = next(iter(texts_of(item, "00081197")), "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number or Status.PROCESSING_FAILURE
