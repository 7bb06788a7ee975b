"""Query parameters of WADO-URI (PS3.18 sections 9.1.2, 9.4.1.2 and 9.5.1.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kahua.dicom.transfer_syntaxes import EXPLICIT_LITTLE_ENDIAN
from kahua.errors import InvalidInput
from kahua.store.dicomweb.accept import DICOM
from kahua.store.dicomweb.rendering import Rendering, parse_rendering, read_window

#: Parameters that nothing can be asked for without.
REQUIRED = ("studyUID", "seriesUID", "objectUID")

#: Parameters that would change the picture and are not carried out.
REFUSED = ("region", "presentationUID", "presentationSeriesUID", "annotationUID")


@dataclass(frozen=True, kw_only=True)
class UriRequest:
    """An object, and in which form it is wanted."""

    study_uid: str
    series_uid: str
    object_uid: str
    #: Media types, the most wanted first; none if the client leaves it to us.
    content_types: list[str]
    #: Number of a frame, from 1; empty if none is named.
    frame: str
    rendering: Rendering
    anonymize: bool
    transfer_syntax: str

    @property
    def dicom_type(self) -> str:
        """What a client of WADO-RS would accept."""
        return f"{DICOM}; transfer-syntax={self.transfer_syntax}"


def parse_uri_request(parameters: Mapping[str, str]) -> UriRequest:
    """Read a request.

    Raises
    ------
    InvalidInput
        A parameter is missing, or has an impossible value.
    """
    if parameters.get("requestType") != "WADO":
        raise InvalidInput("A request by URI says requestType=WADO.", field="requestType")
    for name in REQUIRED:
        if not parameters.get(name):
            raise InvalidInput(f"The parameter {name} is missing.", field=name)
    for name in REFUSED:
        if name in parameters:
            raise InvalidInput(
                f"The parameter {name} is not supported.",
                field=name,
                remedy="Retrieve the object by WADO-RS: its viewport names a region.",
            )
    types = [part.split(";")[0].strip().lower() for part in parameters.get("contentType", "").split(",")]
    return UriRequest(
        study_uid=parameters["studyUID"],
        series_uid=parameters["seriesUID"],
        object_uid=parameters["objectUID"],
        content_types=[each for each in types if each],
        frame=parameters.get("frameNumber", ""),
        rendering=_rendering(parameters),
        anonymize="anonymize" in parameters,
        transfer_syntax=parameters.get("transferSyntax", EXPLICIT_LITTLE_ENDIAN),
    )


def _rendering(parameters: Mapping[str, str]) -> Rendering:
    """Read how a picture is to look: the names differ from those of WADO-RS, the meaning does not."""
    named = {
        "viewport": _viewport(parameters),
        "quality": parameters.get("imageQuality"),
        "annotation": parameters.get("imageAnnotation") or parameters.get("annotation"),
    }
    rendering = parse_rendering({name: value for name, value in named.items() if value is not None})
    centre, width = parameters.get("windowCenter"), parameters.get("windowWidth")
    if (centre is None) != (width is None):
        raise InvalidInput("windowCenter and windowWidth come together.", field="windowCenter")
    if centre is None or width is None:
        return rendering
    return replace(rendering, window=read_window(centre, width, field="windowCenter"), function="LINEAR")


def _viewport(parameters: Mapping[str, str]) -> str | None:
    """Give rows and columns as a viewport; one of them alone is the longest side."""
    rows, columns = parameters.get("rows"), parameters.get("columns")
    if rows is None and columns is None:
        return None
    return f"{columns or rows},{rows or columns}"
