"""Retrieve one object by query parameters: WADO-URI (PS3.18 chapter 9)."""

from fastapi import APIRouter, Request, Response

from kahua.api.dicomweb.frames import find_instance, frame_numbers
from kahua.api.dicomweb.instances import send_instance
from kahua.api.dicomweb.rendered import send_picture
from kahua.api.dicomweb.reports import WORDS, is_report
from kahua.api.dicomweb.service import PREFIX, Reader, not_acceptable
from kahua.api.security import SiteOfRequest
from kahua.errors import InvalidInput, NotAllowed
from kahua.store.dicomweb.accept import DICOM, instance_form, parse_accept
from kahua.store.dicomweb.retrieve import Address, StoredInstance
from kahua.store.dicomweb.uri import parse_uri_request

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)


@router.get("/wado", operation_id="retrieve_by_uri")
def retrieve_by_uri(request: Request, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve an object, as DICOM or as a picture."""
    asked = parse_uri_request(request.query_params)
    if asked.anonymize:
        raise NotAllowed(
            "Objects are not de-identified on this way.", remedy="Export the series: it is de-identified there."
        )
    address = Address(study_uid=asked.study_uid, series_uid=asked.series_uid, instance_uid=asked.object_uid)
    found = find_instance(site, access, address).instance
    types = asked.content_types or [_usual_type(found)]
    if types[0] != DICOM:
        numbers = frame_numbers(asked.frame, found) if asked.frame else None
        return send_picture(request, site, found, numbers, asked.rendering, accepted=parse_accept(", ".join(types)))
    if asked.frame:
        raise InvalidInput("A frame alone is sent as a picture, not as DICOM.", field="frameNumber")
    form = instance_form(parse_accept(asked.dicom_type), found.transfer_syntax_uid)
    if form is None:
        return not_acceptable(f"{DICOM} in transfer syntax {found.transfer_syntax_uid}")
    return send_instance(request, site, found, form.transfer_syntax)


def _usual_type(instance: StoredInstance) -> str:
    """Give the media type that is sent to who names none (PS3.18 table 8.7.4-1)."""
    if is_report(instance):
        return WORDS[0]
    return DICOM if instance.rows is None else "image/jpeg"
