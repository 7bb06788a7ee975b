"""Uploads in parts to a bucket that nobody completed: their parts take room, and have no name that is listed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from kahua.errors import Unavailable
from kahua.store.objects.signature import SigningKey, encoded, query_of

if TYPE_CHECKING:
    import httpx  # at run time late: only who tidies up needs it

#: Uploads that are told at once, and the largest answer that is read.
PAGE: Final = 1000
MAX_ANSWER_BYTES: Final = 8_000_000

#: Longest time for a piece of an answer.
SECONDS: Final = 30

#: The server no longer knows it: it was completed or given up meanwhile.
GONE: Final = 404


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An upload that was begun."""

    name: str
    id: str
    begun_at: datetime


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """The uploads that are under way below a prefix of a bucket."""

    #: Where the server is, and the bucket on it.
    endpoint: str
    bucket: str
    #: What stands before all names; it ends in a slash, or is empty.
    prefix: str
    key: SigningKey

    def begun_before(self, limit: datetime) -> Iterator[Upload]:
        """Give those that were begun before a moment.

        Raises
        ------
        Unavailable
            The server does not tell, or does not let this key know.
        """
        marker: dict[str, str] | None = {}
        while marker is not None:
            query = {"uploads": "", "prefix": self.prefix, "max-uploads": str(PAGE)}
            page = self._read(self._ask("GET", "", query | marker))
            yield from (
                upload for upload in page.uploads if upload.name.startswith(self.prefix) and upload.begun_at < limit
            )
            marker = page.next if page.next != marker else None

    def give_up(self, upload: Upload) -> None:
        """Let the server forget an upload with all its parts; one that it does not know is no error.

        Raises
        ------
        Unavailable
            The server does not do so.
        """
        self._ask("DELETE", f"/{encoded(upload.name, safe='/')}", {"uploadId": upload.id}, and_gone=True)

    def _ask(self, method: str, path: str, query: dict[str, str], *, and_gone: bool = False) -> bytes:
        import httpx

        address = f"{self.endpoint}/{encoded(self.bucket)}{path}"
        headers = self.key.headers(method, address, query, datetime.now(UTC))
        try:
            with httpx.stream(method, f"{address}?{query_of(query)}", headers=headers, timeout=SECONDS) as answer:
                if not answer.is_success and not (and_gone and answer.status_code == GONE):
                    raise self._untold(f"HTTP {answer.status_code}")
                return self._body(answer)
        except httpx.HTTPError as error:
            raise self._untold(type(error).__name__) from error

    def _body(self, answer: "httpx.Response") -> bytes:
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise self._untold("too long an answer")
        return bytes(body)

    def _read(self, body: bytes) -> "_Page":
        page = _Page()
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = page.refuse
        parser.StartElementHandler = page.start
        parser.EndElementHandler = page.end
        parser.CharacterDataHandler = page.text
        try:
            parser.Parse(body, True)  # noqa: FBT003 - its own signature
        except (expat.ExpatError, KeyError, ValueError, OverflowError) as error:
            raise self._untold("an answer that is none") from error
        return page

    def _untold(self, reason: str) -> Unavailable:
        return Unavailable(
            f"The server of s3://{self.bucket} does not deal with uploads that were never completed: {reason}.",
            remedy="Let the key list and abort multipart uploads, or let a rule of the bucket abort them after a day "
            "(AbortIncompleteMultipartUpload).",
        )


@dataclass
class _Page:
    """What an answer to ListMultipartUploads says, while it is read."""

    uploads: list[Upload] = field(default_factory=list)
    #: Texts of elements, by name: of the upload that is read, and of those beside the uploads.
    _fields: dict[str, str] = field(default_factory=dict)
    _words: str = ""

    @property
    def next(self) -> dict[str, str] | None:
        """Give where the next page begins; None if this is the last."""
        if self._fields.get("IsTruncated") != "true":
            return None
        names = {"key-marker": "NextKeyMarker", "upload-id-marker": "NextUploadIdMarker"}
        return {name: self._fields.get(field, "") for name, field in names.items()}

    def start(self, _name: str, _attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._words = ""

    def text(self, words: str) -> None:
        """Go on with the text of an element."""
        self._words += words

    def end(self, name: str) -> None:
        """End an element."""
        plain = name.rpartition(" ")[2]
        self._fields[plain] = self._words
        if plain == "Upload":
            key, upload_id, initiated = (self._fields.pop(field) for field in ("Key", "UploadId", "Initiated"))
            begun_at = datetime.fromisoformat(initiated).astimezone(UTC)
            self.uploads.append(Upload(name=key, id=upload_id, begun_at=begun_at))

    def refuse(self, *_: object) -> None:
        """Read no document type, and with it no entity."""
        raise ValueError
