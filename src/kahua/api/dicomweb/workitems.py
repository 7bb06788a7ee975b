"""Workitems: created, found, claimed, changed, ended: UPS-RS (PS3.18 chapter 11)."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from kahua.access import Permission, ProjectAccess, record
from kahua.api.dicomweb.service import (
    DICOM_JSON,
    DICOM_XML,
    MORE,
    PREFIX,
    PRIVATE,
    base_url,
    data_set,
    data_set_kind,
    data_sets,
    not_acceptable,
    warning,
)
from kahua.api.security import Access, SiteOfRequest
from kahua.errors import InvalidInput, UnsupportedMedia
from kahua.store.workitems import worklist
from kahua.store.workitems.attributes import STATE
from kahua.store.workitems.documents import Json, checked, read_json, text_of
from kahua.store.workitems.search import parse_workitem_query, search

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Names of query parameters that carry a UID, in lower case: clients write them in several ways. Some send the UID
#: alone, as a name without value.
UID_PARAMETERS = ("workitem", "affectedsopinstanceuid")
TRANSACTION_PARAMETERS = ("transaction-uid", "transaction", "transactionuid")

FORMS = f"{DICOM_JSON} or {DICOM_XML}"

Reader = Annotated[ProjectAccess, Depends(Access(Permission.WORKITEM_READ))]
Writer = Annotated[ProjectAccess, Depends(Access(Permission.WORKITEM_WRITE))]


async def read_body(request: Request) -> bytes:
    """Take the whole body, which the shield keeps below ``max_json_bytes``."""
    return await request.body()


Body = Annotated[bytes, Depends(read_body)]


@router.post("/workitems", operation_id="create_workitem", status_code=201)
def create_workitem(request: Request, body: Body, access: Writer, site: SiteOfRequest) -> Response:
    """Create a workitem."""
    given = read_data_set(request, body)
    with site.database.write() as session:
        row = worklist.create(
            session,
            access.project_id,
            given,
            uid=_parameter(request, UID_PARAMETERS),
            creator=access.principal.name,
            creator_id=access.principal.user_id,
        )
        _note(session, access, "workitem.created", row.uid, code=row.code)
    address = f"{base_url(request, site, access)}/workitems/{row.uid}"
    headers = {"Location": address, "Content-Location": address}
    if not text_of(given, STATE):
        headers["Warning"] = warning("The Workitem was created with modifications.")
    return Response(status_code=201, headers=headers)


@router.get("/workitems", operation_id="search_workitems")
def search_workitems(request: Request, access: Reader, site: SiteOfRequest) -> Response:
    """Search for workitems."""
    kind = data_set_kind(request)
    if kind is None:
        return not_acceptable(f'{DICOM_JSON}, or as multipart/related; type="{DICOM_XML}"')
    query = parse_workitem_query(request.query_params.multi_items())
    with site.database.read() as session:
        found = search(session, access.project_id, query)
    if not found.documents:
        return Response(status_code=204, headers=PRIVATE)
    response = data_sets(orjson.dumps(found.documents), kind)
    if found.truncated:
        response.status_code = 206
        response.headers["Warning"] = warning(MORE)
    return response


@router.get("/workitems/{workitem}", operation_id="retrieve_workitem")
def retrieve_workitem(request: Request, workitem: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve a workitem."""
    kind = data_set_kind(request)
    if kind is None:
        return not_acceptable(FORMS)
    with site.database.read() as session:
        document = worklist.find_workitem(session, access.project_id, workitem).document
    return data_set(document, kind)


@router.post("/workitems/{workitem}", operation_id="update_workitem")
def update_workitem(request: Request, workitem: str, body: Body, access: Writer, site: SiteOfRequest) -> Response:
    """Change attributes of a workitem."""
    changes = read_data_set(request, body)
    transaction_uid = _parameter(request, TRANSACTION_PARAMETERS) or text_of(changes, "00081195")
    with site.database.write() as session:
        worklist.update(session, access.project_id, workitem, changes, transaction_uid=transaction_uid)
        _note(session, access, "workitem.updated", workitem)
    address = f"{base_url(request, site, access)}/workitems/{workitem}"
    return Response(status_code=200, headers={"Content-Location": address})


@router.put("/workitems/{workitem}/state", operation_id="change_workitem_state")
def change_workitem_state(request: Request, workitem: str, body: Body, access: Writer, site: SiteOfRequest) -> Response:
    """Claim, complete or cancel a workitem."""
    wanted = read_data_set(request, body)
    with site.database.write() as session:
        told = worklist.change_state(session, access.project_id, workitem, wanted, user=access.principal.name)
        _note(session, access, "workitem.state-changed", workitem, state=text_of(wanted, STATE))
    return Response(status_code=200, headers={"Warning": warning(told)} if told else None)


@router.post("/workitems/{workitem}/cancelrequest", operation_id="request_workitem_cancellation", status_code=202)
def request_workitem_cancellation(
    request: Request, workitem: str, body: Body, access: Writer, site: SiteOfRequest
) -> Response:
    """Ask the performer of a workitem to cancel it."""
    wish = read_data_set(request, body) if body.strip() else {}
    with site.database.write() as session:
        told = worklist.request_cancellation(
            session, access.project_id, workitem, wish, requester=access.principal.name
        )
        _note(session, access, "workitem.cancellation-requested", workitem)
    return Response(status_code=202, headers={"Warning": warning(told)} if told else None)


def read_data_set(request: Request, body: bytes) -> Json:
    """Read the one data set of a body, in JSON or XML.

    Raises
    ------
    UnsupportedMedia
        It is of another media type.
    InvalidInput
        It is not what it says it is.
    TooMuch
        It is too deep, or has too many elements.
    """
    media_type = request.headers.get("content-type", DICOM_JSON).split(";")[0].strip().lower()
    if media_type in (DICOM_JSON, "application/json"):
        return read_json(body)
    if media_type == DICOM_XML:
        from kahua.dicom.xml_reading import read_native_xml  # late: few clients send XML

        return checked(read_native_xml(body))
    raise UnsupportedMedia(f"A workitem is read as {FORMS}.")


def _parameter(request: Request, names: tuple[str, ...]) -> str:
    """Give a UID of the query: the value of one of the names, or a name that stands alone."""
    for name, value in request.query_params.multi_items():
        if name.lower() in names:
            return value
        if not value and name[:1].isdigit():
            return name
    unknown = [name for name in request.query_params if name not in ("accept", "charset")]
    if unknown:
        raise InvalidInput("That is no parameter of this request.", field=unknown[0][:64])
    return ""


def _note(session: Session, access: ProjectAccess, action: str, uid: str, **details: object) -> None:
    record(
        session,
        actor=access.principal.name,
        action=action,
        subject=uid,
        project_id=access.project_id,
        **details,
    )
