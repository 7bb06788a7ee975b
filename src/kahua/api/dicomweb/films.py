"""Videos as browsers play them: the stream as it is stored, in a container of MP4 (PS3.18 section 8.7.3.3)."""

from collections.abc import Sequence

from fastapi import Request, Response

from kahua.api.ranges import PRIVATE, object_response
from kahua.dicom.transfer_syntaxes import encoding_of, is_mpeg2
from kahua.site import Site
from kahua.store.dicomweb.accept import Media
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.pictures.films import kept_film
from kahua.store.pictures.frames import Span, stream_spans

MP4 = "video/mp4"
#: Both names are in use; browsers play none of them.
MPEG2 = ("video/mpeg", "video/mpeg2")

#: On what more an answer depends where there is a video.
VARY = f"{PRIVATE['Vary']}, Sec-Fetch-Dest"

#: What an MP4 file has behind its first four bytes.
_FILE_TYPE = b"ftyp"


def is_film(instance: StoredInstance) -> bool:
    """Whether an instance is a video."""
    return encoding_of(instance.transfer_syntax_uid).video


def film_types(instance: StoredInstance) -> tuple[str, ...]:
    """Give the media types in which a video is sent without being compressed anew."""
    return MPEG2 if is_mpeg2(instance.transfer_syntax_uid) else (MP4,)


def send_film(request: Request, site: Site, instance: StoredInstance, accepted: Sequence[Media]) -> Response | None:
    """Send a video to who names a type of video, or plays one; None to who wants anything, or a picture.

    An element `video` of a page accepts anything, as a link does; but its browser says for what it asks.

    Raises
    ------
    UndecodablePixels
        It is damaged, or ffmpeg is needed and not installed.
    """
    kinds = film_types(instance)
    plays = request.headers.get("sec-fetch-dest") == "video"
    named = [each for each in accepted if plays or each.type != "*/*"]
    media = next((kind for each in named for kind in kinds if each.covers(kind)), None)
    if media is None:
        return None
    spans = stream_spans(site.objects, instance)
    if len(spans) == 1 and (media != MP4 or _is_mp4(site, instance, spans[0])):
        (span,) = spans
        return object_response(request, site.objects, instance.object_key, span.length, media, start=span.start)
    if media != MP4:
        return None
    key = kept_film(site.database, site.studio, instance)
    return object_response(request, site.objects, key, site.objects.size(key), media)


def _is_mp4(site: Site, instance: StoredInstance, span: Span) -> bool:
    return site.objects.read(instance.object_key, start=span.start + 4, length=4) == _FILE_TYPE
