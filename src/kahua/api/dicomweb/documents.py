"""Encapsulated documents as their authors wrote them (PS3.18 section 8.7.3.4, PS3.3 C.24.2)."""

from fastapi import Request, Response

from kahua.api.ranges import ranged_response
from kahua.dicom.uids import ENCAPSULATED_PDF, ENCAPSULATED_STORAGE
from kahua.site import Site
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.values import find_value

PDF = "application/pdf"

#: Media type and the end of a file's name by SOP class: PDF, CDA, and three of models of bodies (PS3.6 annex A).
_KINDS = {
    ENCAPSULATED_PDF: (PDF, "pdf"),
    f"{ENCAPSULATED_STORAGE}2": ("text/xml", "xml"),
    f"{ENCAPSULATED_STORAGE}3": ("model/stl", "stl"),
    f"{ENCAPSULATED_STORAGE}4": ("model/obj", "obj"),
    f"{ENCAPSULATED_STORAGE}5": ("model/mtl", "mtl"),
}

#: Encapsulated Document.
_DOCUMENT = "00420011"


def document_types(instance: StoredInstance) -> tuple[str, ...]:
    """Give the media type of the document of an instance; none if it is no document."""
    return _KINDS[instance.sop_class_uid][:1] if instance.sop_class_uid in _KINDS else ()


def send_document(request: Request, site: Site, instance: StoredInstance, media_type: str) -> Response:
    """Send the document of an instance, to be saved: what strangers wrote is not opened among the site's pages.

    Raises
    ------
    NotFound
        The instance holds no document.
    """
    _, ending = _KINDS[instance.sop_class_uid]
    value = find_value(site.objects, instance, _DOCUMENT, site.archive.limits.budget)
    return ranged_response(
        request,
        value.read,
        size=value.length,
        tag=f'"{instance.object_key[:32]}-document"',
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{instance.sop_instance_uid}.{ending}"'},
    )
