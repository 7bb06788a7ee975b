"""Objects in a bucket of any server that speaks S3."""

import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, UnauthenticatedError
from obstore.store import S3Store as Bucket

from kahua.errors import NotFound, OutOfSpace, StateConflict, Unavailable
from kahua.logs import get_logger
from kahua.store.objects.fetched import FetchedFiles
from kahua.store.objects.names import INCOMING, key_of, name_of
from kahua.store.objects.port import CHUNK_BYTES, NO_ENDS, Chunks, Ends
from kahua.store.objects.signature import SigningKey
from kahua.store.objects.uploads import Uploads
from kahua.waiting import may_wait

#: An object up to this size is put by one request, from memory; a larger one in parts of this size.
PART_BYTES = 8 << 20

#: Parts of one object that are in memory at once.
PARALLEL_PARTS = 2

#: S3 copies no more than this at once. A larger object is written to its final name: of two who put other bytes under
#: its key at the same moment, the last one would win. The site's keys are made of the bytes.
COPY_BYTES = 5 << 30

#: A request that fails is tried again, as often and as long as a sender waits with patience.
RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}

#: Longest time of one request, and of connecting.
TIMEOUTS = {"timeout": "120s", "connect_timeout": "5s"}

# The library has one kind of error for most answers; what they are is in their words.
NO_ROOM = ("507 Insufficient", "StorageFull", "QuotaExceeded")
NO_BUCKET = "NoSuchBucket"
REFUSED = "403 Forbidden"
BEYOND_THE_END = "416 Range Not Satisfiable"

log = get_logger()


class S3Store:
    """Keeps each object under a name of its own in a bucket, below `prefix`.

    A put is a request that creates and never overwrites (``If-None-Match: *``). What is larger than one
    part is first sent, in parts, under a temporary name, and then copied so that it creates. The server
    must know both, and answer when it has made the object durable.

    The store must not be used before a fork and after it: its threads do not live on in the child.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        access_key_id: str,
        secret_access_key: str,
        endpoint: str | None,
        region: str,
        fetched: FetchedFiles,
    ) -> None:
        self.place = f"s3://{bucket}/{prefix}".rstrip("/")
        self._fetched = fetched
        self._bucket = Bucket(
            bucket,
            prefix=prefix or None,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            region=region,
            virtual_hosted_style_request=False,
            copy_if_not_exists="multipart",
            client_options={**TIMEOUTS, "allow_http": bool(endpoint and endpoint.startswith("http://"))},
            retry_config=RETRIES,
            **({"endpoint": endpoint.rstrip("/")} if endpoint else {}),
        )
        self._uploads = Uploads(
            endpoint=(endpoint or f"https://s3.{region}.amazonaws.com").rstrip("/"),
            bucket=bucket,
            prefix=f"{prefix}/" if prefix else "",
            key=SigningKey(access_key_id=access_key_id, secret_access_key=secret_access_key, region=region),
        )

    def put(self, key: str, chunks: Chunks) -> int:
        """Keep the bytes, durably; return their number."""
        name = name_of(key)
        with tempfile.SpooledTemporaryFile(max_size=PART_BYTES) as file:
            for chunk in chunks:
                file.write(chunk)
            return self._put(name, file)

    def put_file(self, key: str, path: Path) -> int:
        """Take a file over, durably; return its size. The file is gone from its place afterwards."""
        name = name_of(key)
        with path.open("rb") as file:
            size = self._put(name, file)
        path.unlink(missing_ok=True)
        return size

    def read(self, key: str, *, start: int = 0, length: int | None = None, between: Ends = NO_ENDS) -> bytes:
        """Give `length` bytes from `start`: fewer where the object ends before, all to its end without `length`."""
        head, tail = between
        return b"".join((head, *self.stream(key, start=start, length=length), tail))

    def stream(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Give what `read` gives, piece by piece."""
        return self._in_pieces(self._get(name_of(key), start, length), chunk_bytes)

    def size(self, key: str) -> int:
        """Count the bytes of an object."""
        return int(self._head(name_of(key))["size"])

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of this key."""
        return self._exists(name_of(key))

    def stored_at(self, key: str) -> datetime:
        """Tell when the object was put for the first time: the end of that second, for servers tell it in whole ones.

        Whoever asks whether it came after a moment must not take it for older than it is.
        """
        moment: datetime = self._head(name_of(key))["last_modified"]
        return moment + timedelta(seconds=1)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._delete(name_of(key))

    def keys(self, folder: str | None = None) -> Iterator[str]:
        """List all keys, or those of one folder, in no order."""
        for entry in self._list(folder):
            if not entry["path"].startswith(INCOMING):
                yield key_of(entry["path"])

    def path(self, key: str) -> Path | None:
        """There is no local file."""
        self._head(name_of(key))
        return None

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Fetch the object for the time of a `with` block."""
        with self._fetched.file(self.size(key), self.stream(key)) as path:
            yield path

    def left_over(self, *, older_than_seconds: float) -> int:
        """Count what writers that died left: objects under temporary names, and uploads that were never completed."""
        limit = _ago(older_than_seconds)
        return len(self._temporary_names(limit)) + sum(1 for _ in self._uploads.begun_before(limit))

    def clean(self, *, older_than_seconds: float) -> int:
        """Remove what `left_over` counts; return the number. Of a server that does not tell of uploads, they stay."""
        limit = _ago(older_than_seconds)
        names = self._temporary_names(limit)
        for name in names:
            self._delete(name)
        return len(names) + self._give_up_uploads(limit)

    def check(self) -> None:
        """See whether the bucket is there and can be written.

        Raises
        ------
        Unavailable
            There is no such bucket, the access key may not write in it, or the server does not answer.
        """
        next(self._list(INCOMING), None)  # some servers make a bucket at the first put: look first
        name = f"{INCOMING}/{secrets.token_hex(16)}"
        self._create(name, b"")
        self._delete(name)

    def _temporary_names(self, limit: datetime) -> list[str]:
        return [entry["path"] for entry in self._list(INCOMING) if entry["last_modified"] < limit]

    def _give_up_uploads(self, limit: datetime) -> int:
        number = 0
        try:
            for upload in list(self._uploads.begun_before(limit)):
                self._uploads.give_up(upload)
                number += 1
        except Unavailable as error:
            log.warning("uploads that were never completed stay", place=self.place, error=str(error))
        return number

    def _put(self, name: str, file: IO[bytes]) -> int:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            if size <= PART_BYTES:
                self._create(name, file.read())
            else:
                self._create_large(name, file, size)
        except AlreadyExistsError as error:
            file.seek(0)
            if not self._holds(name, file, size):
                raise StateConflict("There is another object of the same key.") from error
        return size

    def _create(self, name: str, content: bytes) -> None:
        with self._clear_errors():
            obstore.put(self._bucket, name, content, mode="create")

    def _create_large(self, name: str, file: IO[bytes], size: int) -> None:
        if self._exists(name):
            raise AlreadyExistsError(name)
        temporary = f"{INCOMING}/{secrets.token_hex(16)}" if size <= COPY_BYTES else name
        with self._clear_errors():
            obstore.put(
                self._bucket,
                temporary,
                file,
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARALLEL_PARTS,
            )
        if temporary == name:
            return
        try:
            with self._clear_errors():
                obstore.copy(self._bucket, temporary, name, overwrite=False)
        finally:
            self._delete(temporary)

    def _holds(self, name: str, file: IO[bytes], size: int) -> bool:
        """Tell whether an object has the bytes of a file."""
        if self._head(name)["size"] != size:
            return False
        pieces = self._in_pieces(self._get(name, 0, None), CHUNK_BYTES)
        return all(piece == file.read(len(piece)) for piece in pieces)

    def _get(self, name: str, start: int, length: int | None) -> Iterable[bytes]:
        if length == 0:  # there is no such range
            self._head(name)
            return ()
        options: Any = {}
        if length is not None:
            options = {"range": (start, start + length)}
        elif start:
            options = {"range": {"offset": start}}
        with self._clear_errors():
            try:
                chunks: Iterable[bytes] = obstore.get(self._bucket, name, options=options).stream(CHUNK_BYTES)
            except BaseError as error:
                if BEYOND_THE_END not in str(error):
                    raise
                return ()
        return chunks

    def _in_pieces(self, chunks: Iterable[bytes], piece_bytes: int) -> Iterator[bytes]:
        """Cut into pieces of one size, the last one smaller; what came is copied only where it must be."""
        rest = b""
        with self._clear_errors():
            for chunk in chunks:
                data = rest + chunk if rest else chunk
                whole = len(data) - len(data) % piece_bytes
                for start in range(0, whole, piece_bytes):
                    yield bytes(data[start : start + piece_bytes])
                rest = bytes(data[whole:])
        if rest:
            yield rest

    def _head(self, name: str) -> Any:
        with self._clear_errors():
            return obstore.head(self._bucket, name)

    def _exists(self, name: str) -> bool:
        try:
            self._head(name)
        except NotFound:
            return False
        return True

    def _delete(self, name: str) -> None:
        with self._clear_errors():
            obstore.delete(self._bucket, name)

    def _list(self, prefix: str | None = None) -> Iterator[Any]:
        with self._clear_errors():
            for batch in obstore.list(self._bucket, prefix, chunk_size=1000):
                yield from batch

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Say in a sentence what the server says in its own words."""
        may_wait()
        try:
            yield
        except AlreadyExistsError:
            raise
        except (FileNotFoundError, BaseError) as error:
            raise self._said(error) from error

    def _said(self, error: Exception) -> NotFound | Unavailable:
        text = str(error)
        if NO_BUCKET in text:
            return Unavailable(
                f"There is no bucket for {self.place}.", remedy="Make the bucket, or correct object_store."
            )
        if isinstance(error, FileNotFoundError):
            return NotFound("There is no such object.")
        log.warning("object store failed", place=self.place, error=text.splitlines()[0][:500])
        if REFUSED in text or isinstance(error, UnauthenticatedError):
            return Unavailable(
                f"The server of {self.place} refuses the access key.",
                remedy="Correct s3_access_key_id and s3_secret_access_key, or give the key all rights there.",
            )
        if any(word in text for word in NO_ROOM):
            return OutOfSpace(f"There is no more room at {self.place}; nothing was kept.")
        return Unavailable(
            f"The server of {self.place} does not answer as it should; try again.",
            remedy="Look whether it runs, and whether s3_endpoint is right.",
        )


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
