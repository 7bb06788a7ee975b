"""Encapsulated documents as their authors wrote them (PS3.18 section 8.7.3.4)."""

from collections.abc import Sequence

from fastapi import Request, Response

from kahua.api.dicomweb.service import not_acceptable
from kahua.api.ranges import ranged_response
from kahua.dicom.uids import ENCAPSULATED_PDF
from kahua.site import Site
from kahua.store.dicomweb.accept import Media
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.values import find_value

PDF = "application/pdf"

#: Encapsulated Document.
_DOCUMENT = "00420011"


def is_document(instance: StoredInstance) -> bool:
    """Whether an instance is a document."""
    return instance.sop_class_uid == ENCAPSULATED_PDF


def send_document(request: Request, site: Site, instance: StoredInstance, accepted: Sequence[Media]) -> Response:
    """Send the document of an instance, to be saved: what strangers wrote is not opened among the site's pages.

    Raises
    ------
    NotFound
        The instance holds no document.
    """
    if not any(each.covers(PDF) for each in accepted):
        return not_acceptable(PDF)
    value = find_value(site.objects, instance, _DOCUMENT, site.archive.limits.budget)
    return ranged_response(
        request,
        value.read,
        size=value.length,
        tag=f'"{instance.object_key[:32]}-document"',
        media_type=PDF,
        headers={"Content-Disposition": f'attachment; filename="{instance.sop_instance_uid}.pdf"'},
    )
