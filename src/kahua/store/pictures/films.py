"""Films that were put into another container, kept until the next objects are collected."""

import hashlib

from kahua.database import Database
from kahua.store.deletion.removal import discard
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.pictures.instances import Studio

_PIECE_BYTES = 1 << 20


def film_key(object_key: str) -> str:
    """Give the key of the film that is made of an object."""
    return hashlib.sha256(b"film\0" + object_key.encode()).hexdigest()


def kept_film(database: Database, studio: Studio, instance: StoredInstance) -> str:
    """Give the key of an MP4 file of a video; it is made where nobody asked for it since objects were last collected.

    A browser asks for many ranges of one film. No row refers to it, and its key is noted as discarded before it is
    there, so whoever collects objects takes it away: the site once in a while, and each erasure.

    Raises
    ------
    UndecodablePixels
        The video is damaged, or ffmpeg is not installed; the message says which.
    Unavailable
        All processes are busy.
    """
    key, objects = film_key(instance.object_key), studio.objects
    if not objects.exists(key):
        with studio.played(instance) as path, path.open("rb") as file:
            with database.write() as session:
                discard(session, [key])
            objects.put(key, iter(lambda: file.read(_PIECE_BYTES), b""))
    return key
