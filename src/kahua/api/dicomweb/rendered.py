"""Retrieve pictures: rendered instances and frames, and thumbnails (PS3.18 sections 10.4.1.1.3 and 10.4.1.1.7)."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from kahua.access import ProjectAccess
from kahua.api.dicomweb.documents import document_types, send_document
from kahua.api.dicomweb.films import VARY, film_types, is_film, send_film
from kahua.api.dicomweb.frames import find_instance, frame_numbers
from kahua.api.dicomweb.reports import WORDS, is_report, send_report
from kahua.api.dicomweb.service import PREFIX, PRIVATE, Reader, accepted_of, begun, multipart, not_acceptable
from kahua.api.ranges import is_known
from kahua.api.recent import RecentAnswers
from kahua.api.security import SiteOfRequest
from kahua.dicom.uids import WAVEFORMS
from kahua.errors import NotFound
from kahua.site import Site
from kahua.store.dicomweb.accept import Media, choose
from kahua.store.dicomweb.multipart import PartHead, new_boundary
from kahua.store.dicomweb.rendering import ANIMATION, PICTURES, Rendering, parse_rendering
from kahua.store.dicomweb.retrieve import (
    Address,
    Located,
    StoredInstance,
    find_by_uid,
    locate_instances,
    locate_series,
)
from kahua.store.pictures.plain import redraw
from kahua.store.pictures.wanted import Wanted

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Media type of previews.
WEBP = "image/webp"

#: Longest side of a thumbnail in pixels.
THUMBNAIL = 128

#: Pictures of one answer: a study may have thousands.
MAX_PICTURES = 1000

#: Frames of an animation.
MAX_FRAMES = 200

#: Grayscale and colour softcopy presentation states: what is asked for is the image that they show.
PRESENTATION_STATES = ("1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2")

#: Why something that was asked for is not done (RFC 7234 section 5.5).
NO_PROFILE = '299 kahua "The parameter iccprofile is ignored: of colour profiles there are yes, no and srgb."'


@router.get("/studies/{study}/rendered", operation_id="retrieve_rendered_study")
def retrieve_rendered_study(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve pictures of all instances of a study, or of that in the middle."""
    return _rendered_all(request, access, site, Address(study_uid=study))


@router.get("/studies/{study}/series/{series}/rendered", operation_id="retrieve_rendered_series")
def retrieve_rendered_series(
    request: Request, study: str, series: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve pictures of all instances of a series, or of that in the middle."""
    return _rendered_all(request, access, site, Address(study_uid=study, series_uid=series))


@router.get("/studies/{study}/series/{series}/instances/{instance}/rendered", operation_id="retrieve_rendered")
def retrieve_rendered(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve an instance as a picture: its first frame, or all of them as an animation; a report in words."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    return _rendered(request, access, site, find_instance(site, access, address))


@router.get(
    "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
    operation_id="retrieve_rendered_frame",
)
def retrieve_rendered_frame(
    request: Request, study: str, series: str, instance: str, frames: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve frames as pictures."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    found = find_instance(site, access, address).instance
    return send_picture(request, site, found, frame_numbers(frames, found), parse_rendering(request.query_params))


@router.get("/studies/{study}/thumbnail", operation_id="retrieve_study_thumbnail")
def retrieve_study_thumbnail(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve a small picture of a study."""
    return _preview(request, access, site, Address(study_uid=study))


@router.get("/studies/{study}/series/{series}/thumbnail", operation_id="retrieve_series_thumbnail")
def retrieve_series_thumbnail(
    request: Request, study: str, series: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve the preview of a series."""
    return _preview(request, access, site, Address(study_uid=study, series_uid=series))


@router.get("/studies/{study}/series/{series}/instances/{instance}/thumbnail", operation_id="retrieve_thumbnail")
def retrieve_thumbnail(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve a small picture of an instance; of one without pixels, the preview of its series."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    found = find_instance(site, access, address).instance
    if found.rows is None:  # a report or contours, for example: the preview shows them
        return _preview(request, access, site, Address(study_uid=study, series_uid=series))
    return _thumbnail(request, site, found, 1)


@router.get(
    "/studies/{study}/series/{series}/instances/{instance}/frames/{frame}/thumbnail",
    operation_id="retrieve_frame_thumbnail",
)
def retrieve_frame_thumbnail(
    request: Request, study: str, series: str, instance: str, frame: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve a small picture of a frame."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    found = find_instance(site, access, address).instance
    return _thumbnail(request, site, found, frame_numbers(frame, found)[0])


def _rendered(request: Request, access: ProjectAccess, site: Site, located: Located) -> Response:
    found, rendering = located.instance, parse_rendering(request.query_params)
    if found.sop_class_uid in PRESENTATION_STATES:
        return _presented(request, access, site, found, rendering)
    if found.rows is None and not _has_pages(found):
        return _overlaid(request, access, site, located, rendering)
    return send_picture(request, site, found, None, rendering)


def send_picture(
    request: Request,
    site: Site,
    instance: StoredInstance,
    numbers: Sequence[int] | None,
    rendering: Rendering,
    *,
    accepted: Sequence[Media] | None = None,
) -> Response:
    """Send a picture of frames; without numbers, of the first, or of all where the client wants an animation.

    Without numbers, reports, documents and videos are sent as what they are to who does not want a picture of them.
    """
    accepted = accepted_of(request) if accepted is None else accepted
    if is_film(instance) and numbers is None:
        film = send_film(request, site, instance, accepted)
        return _varied(film or _still(request, site, instance, rendering, accepted))
    own = _own_types(instance) if numbers is None else ()
    media = _chosen(accepted, (*own, *PICTURES, ANIMATION))
    if media is None:
        return not_acceptable(", ".join((*own, *PICTURES, ANIMATION)))
    if media in own:
        if is_report(instance):
            return send_report(site, instance, media)
        return send_document(request, site, instance, media)
    if media == ANIMATION or numbers is None:
        shown = numbers or range(1, (instance.number_of_frames or 1) + 1 if media == ANIMATION else 2)
        answer = _picture(request, site, instance, tuple(shown[:MAX_FRAMES]), media, rendering)
        if len(shown) > MAX_FRAMES:
            answer.headers.append("Warning", f'299 kahua "Of {len(shown)} frames the first {MAX_FRAMES} are shown."')
        return answer
    if len(numbers) == 1:
        return _picture(request, site, instance, tuple(numbers), media, rendering)
    boundary = new_boundary()
    parts = (
        (
            PartHead(boundary=boundary, media_type=media),
            iter([site.studio.draw(instance, rendering.of((number,), media))]),
        )
        for number in numbers[:MAX_PICTURES]
    )
    return multipart(media, begun(parts), boundary)


def _varied(answer: Response) -> Response:
    """Say that an answer depends on whether a browser plays it."""
    answer.headers["Vary"] = VARY
    return answer


def _own_types(instance: StoredInstance) -> tuple[str, ...]:
    """Give the media types, other than of pictures, of what is read."""
    return WORDS if is_report(instance) else document_types(instance)


def _has_pages(instance: StoredInstance) -> bool:
    return bool(_own_types(instance)) or instance.sop_class_uid.startswith(WAVEFORMS)


def _still(
    request: Request, site: Site, instance: StoredInstance, rendering: Rendering, accepted: Sequence[Media]
) -> Response:
    """Send the first frame of a video."""
    media = _chosen(accepted, PICTURES)
    if media is None:
        return not_acceptable(", ".join((*PICTURES, *film_types(instance))))
    return _picture(request, site, instance, (1,), media, rendering)


def _picture(
    request: Request, site: Site, instance: StoredInstance, frames: tuple[int, ...], media: str, rendering: Rendering
) -> Response:
    wanted = rendering.of(frames, media)
    headers = {**PRIVATE, **({"Warning": NO_PROFILE} if rendering.lacks_profile else {})}
    return Response(_drawn(request, site, instance, wanted), media_type=media, headers=headers)


def _drawn(request: Request, site: Site, instance: StoredInstance, wanted: Wanted) -> bytes:
    """Draw a picture, unless it was drawn a moment ago; the key of an object is made of its content."""
    recent: RecentAnswers = request.app.state.recent
    return recent.get((instance.object_key, wanted), lambda: site.studio.draw(instance, wanted))


def _presented(
    request: Request, access: ProjectAccess, site: Site, state: StoredInstance, rendering: Rendering
) -> Response:
    """Send the most telling image of a presentation state that is here, as the state says."""
    media = _chosen(accepted_of(request), PICTURES)
    if media is None:
        return not_acceptable(", ".join(PICTURES))
    image, frame = _first_here(access, site, site.studio.targets(state))
    wanted = rendering.of((frame,), media)
    recent: RecentAnswers = request.app.state.recent
    key = (state.object_key, image.object_key, wanted)
    content = recent.get(key, lambda: site.studio.present(image, state, wanted))
    return Response(content, media_type=media, headers=PRIVATE)


def _first_here(access: ProjectAccess, site: Site, targets: Sequence[tuple[str, int]]) -> tuple[StoredInstance, int]:
    """Find the first of some images, and its frame, that is in the project."""
    with site.database.read() as session:
        for uid, frame in targets:
            image = find_by_uid(session, access.project_id, uid)
            if image is not None and 1 <= frame <= (image.number_of_frames or 1):
                return image, frame
    raise NotFound("The image that the presentation state shows is not here.")


def _thumbnail(request: Request, site: Site, instance: StoredInstance, number: int) -> Response:
    media = _chosen(accepted_of(request), PICTURES)
    if media is None:
        return not_acceptable(", ".join(PICTURES))
    content = _drawn(request, site, instance, _small(request, number, media))
    return Response(content, media_type=media, headers=PRIVATE)


def _small(request: Request, number: int, media: str) -> Wanted:
    """Give what is wanted of a thumbnail."""
    viewport = parse_rendering(request.query_params).viewport
    return Wanted(frames=(number,), media_type=media, size=max(viewport) if viewport else THUMBNAIL)


def _preview(request: Request, access: ProjectAccess, site: Site, address: Address) -> Response:
    """Send the preview that the worker has made; a smaller one for who cannot read WebP."""
    with site.database.look() as session:
        found = [row for _, row in locate_series(session, access.project_id, address)]
    row = next((row for row in found if row.preview_key is not None), found[0])
    key = row.preview_key
    if key is None:
        raise NotFound(row.preview_note or "The series has no preview yet.")
    accepted = accepted_of(request)
    media = WEBP if choose(accepted, WEBP) is not None else _chosen(accepted, PICTURES)
    if media is None:
        return not_acceptable(", ".join(PICTURES))
    wanted = None if media == WEBP else _small(request, 1, media)
    tag = f'"{key}"' if wanted is None else f'"{key}-{media.removeprefix("image/")}-{wanted.size}"'
    headers = {**PRIVATE, "ETag": tag}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    if wanted is None:
        return Response(site.objects.read(key), media_type=WEBP, headers=headers)
    recent: RecentAnswers = request.app.state.recent
    content = recent.get((key, wanted), lambda: redraw(site.objects.read(key), wanted))
    return Response(content, media_type=media, headers=headers)


def _overlaid(request: Request, access: ProjectAccess, site: Site, located: Located, rendering: Rendering) -> Response:
    """Send the preview of what has neither pixels nor pages: contours, for example, drawn on their image."""
    series = Address(study_uid=located.address.study_uid, series_uid=located.address.series_uid)
    with site.database.look() as session:
        instances = locate_instances(session, access.project_id, series)
        (_, row), *_ = locate_series(session, access.project_id, series)
    if row.preview_key is None or instances[0].instance != located.instance:
        raise NotFound(row.preview_note or "Of this series, only the first object has a picture.")
    media = _chosen(accepted_of(request), PICTURES)
    if media is None:
        return not_acceptable(", ".join(PICTURES))
    viewport, key = rendering.viewport, row.preview_key
    wanted = Wanted(frames=(1,), media_type=media, size=max(viewport) if viewport else None, quality=rendering.quality)
    recent: RecentAnswers = request.app.state.recent
    content = recent.get((key, wanted), lambda: redraw(site.objects.read(key), wanted))
    return Response(content, media_type=media, headers=PRIVATE)


def _rendered_all(request: Request, access: ProjectAccess, site: Site, address: Address) -> Response:
    with site.database.look() as session:
        instances = locate_instances(session, access.project_id, address)
    images = [located for located in instances if located.instance.rows is not None]
    if not images:
        return _rendered(request, access, site, instances[0])
    if films := [each.instance for each in images if is_film(each.instance)]:
        film = send_film(request, site, films[0], accepted_of(request))
        return _varied(film or _pictures(request, site, images))
    return _pictures(request, site, images)


def _pictures(request: Request, site: Site, images: Sequence[Located]) -> Response:
    """Send pictures of several instances, or of that in the middle."""
    rendering, accepted = parse_rendering(request.query_params), accepted_of(request)
    media = _chosen(accepted, PICTURES)
    if media is None:
        return not_acceptable(", ".join(PICTURES))
    if not any(each.multipart and each.covers(media) for each in accepted):
        return _picture(request, site, _middle(images), (1,), media, rendering)
    boundary = new_boundary()
    wanted = rendering.of((1,), media)
    parts = (
        (PartHead(boundary=boundary, media_type=media), iter([site.studio.draw(located.instance, wanted)]))
        for located in images[:MAX_PICTURES]
    )
    return multipart(media, begun(parts), boundary)


def _middle(instances: Sequence[Located]) -> StoredInstance:
    return instances[len(instances) // 2].instance


def _chosen(accepted: Sequence[Media], offered: Sequence[str]) -> str | None:
    """Give the offered type that the client wants most; of several that are as welcome, the first."""
    return next((kind for media in accepted for kind in offered if media.covers(kind)), None)
