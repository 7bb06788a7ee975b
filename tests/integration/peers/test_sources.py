"""The contract of sources, kept with PACS of others."""

from collections.abc import Iterator

import pytest

from kahua.errors import PeerUnavailable
from kahua.store import Limits
from kahua.store.dimse.requestor import Destination
from kahua.store.remote.dicomweb import DicomwebSource
from kahua.store.remote.dimse import DimseSource
from kahua.store.remote.outgoing import CallRules, WebCaller
from kahua.store.remote.source import ImageSource
from kahua.testing.contracts.image_source import ImageSourceContract

from .servers import AE_TITLE, PASSWORD, USER, Orthanc


def dicomweb(pacs: Orthanc, limits: Limits, *, password: str = PASSWORD) -> DicomwebSource:
    caller = WebCaller(pacs.url, rules=CallRules(), user_name=USER, secret=password)
    return DicomwebSource(caller, limits=limits)


class TestOrthancByDicomweb(ImageSourceContract):
    """QIDO-RS and WADO-RS."""

    @pytest.fixture
    def source(self, pacs: Orthanc, limits: Limits) -> Iterator[ImageSource]:
        source = dicomweb(pacs, limits)
        yield source
        source.close()

    def test_a_wrong_password_is_told_in_words(self, pacs: Orthanc, limits: Limits) -> None:
        source = dicomweb(pacs, limits, password="wrong")
        with pytest.raises(PeerUnavailable, match="does not let this site in"):
            source.verify()
        source.close()


class TestOrthancByDimse(ImageSourceContract):
    """C-ECHO, C-FIND and C-GET."""

    @pytest.fixture
    def source(self, pacs: Orthanc, limits: Limits) -> ImageSource:
        return DimseSource(
            destination=Destination(ae_title=AE_TITLE, host="127.0.0.1", port=pacs.dicom_port),
            calling="KAHUA",
            receiver="",
            limits=limits,
        )
