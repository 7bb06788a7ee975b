"""Structured reports in words (PS3.18 section 8.7.4): whoever prefers a picture gets that of a page."""

from fastapi import Response

from kahua.api.dicomweb.service import PRIVATE
from kahua.dicom.uids import STRUCTURED_REPORTS
from kahua.site import Site
from kahua.store.dicomweb.retrieve import StoredInstance

#: Media types of words; the first is sent to who accepts any. As XML a report is its data set (PS3.19 A.1).
WORDS = ("text/html", "text/plain", "text/xml")


def is_report(instance: StoredInstance) -> bool:
    """Whether an instance is a structured report."""
    return instance.sop_class_uid.startswith(STRUCTURED_REPORTS)


def send_report(site: Site, report: StoredInstance, media_type: str) -> Response:
    """Send a report in words.

    Raises
    ------
    UndecodablePixels
        It makes no sense.
    """
    content = site.studio.transcribe(report, media_type)
    return Response(content, headers={**PRIVATE, "Content-Type": f"{media_type}; charset=utf-8"})
