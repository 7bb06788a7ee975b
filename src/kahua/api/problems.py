"""From errors to HTTP: one catalogue, one format (RFC 9457, ``application/problem+json``)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from kahua.errors import KahuaError, Unavailable

#: HTTP status of every code; a code that is missing here is an unexpected error.
STATUS: dict[str, HTTPStatus] = {
    "request-refused": HTTPStatus.BAD_REQUEST,
    "invalid-input": HTTPStatus.BAD_REQUEST,
    "not-signed-in": HTTPStatus.UNAUTHORIZED,
    "not-found": HTTPStatus.NOT_FOUND,
    "not-allowed": HTTPStatus.FORBIDDEN,
    "state-conflict": HTTPStatus.CONFLICT,
    "unsupported-media": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too-much": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "held-back": HTTPStatus.UNPROCESSABLE_ENTITY,
    "dicom-refused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unreadable-dicom": HTTPStatus.UNPROCESSABLE_ENTITY,
    "missing-attribute": HTTPStatus.UNPROCESSABLE_ENTITY,
    "misdeclared-dicom": HTTPStatus.UNPROCESSABLE_ENTITY,
    "sop-instance-conflict": HTTPStatus.CONFLICT,
    "undecodable-pixels": HTTPStatus.UNPROCESSABLE_ENTITY,
    "geometry": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "peer-unavailable": HTTPStatus.BAD_GATEWAY,
    "out-of-space": HTTPStatus.INSUFFICIENT_STORAGE,
    "resource-busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "task-failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "misconfigured-site": HTTPStatus.INTERNAL_SERVER_ERROR,
    "error": HTTPStatus.INTERNAL_SERVER_ERROR,
}

#: What the framework's own refusals mean, in a sentence.
DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This cannot be done at this address.",
    HTTPStatus.REQUEST_TIMEOUT: "The body of the request came too slowly.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body of the request is longer than this site reads.",
}

#: Seconds after which a client may try again what is unavailable now.
RETRY_AFTER_SECONDS = 5

#: Most findings of a validation that are told.
MAX_FINDINGS = 20


class Problem(BaseModel):
    """What went wrong, for programs (``code``) and for people (``detail``, ``remedy``)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str | None = None
    #: Names the request in the site's log.
    instance: str | None = None


def install_problems(application: FastAPI) -> None:
    """Answer every error of the application with problem details."""
    application.add_exception_handler(KahuaError, _on_error)
    application.add_exception_handler(RequestValidationError, _on_validation)
    application.add_exception_handler(HTTPException, _on_http)


def problem_response(
    request_id: str | None, error: KahuaError, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Answer with an error of the catalogue."""
    status = status_of(error)
    title = (type(error).__doc__ or error.message).splitlines()[0]
    return _response(
        request_id,
        status,
        {**error.details, "code": error.code, "title": title, "detail": error.message, "remedy": error.remedy},
        {**_headers(error, status), **(headers or {})},
    )


def unexpected_response(request_id: str) -> JSONResponse:
    """Answer when something failed that should not: nothing of it is told but where to look."""
    return _response(
        request_id,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        {
            "code": "internal-error",
            "title": "Something unexpected happened.",
            "detail": "The site could not answer this request.",
            "remedy": f"An administrator finds the cause in the log, under request {request_id}.",
        },
        {},
    )


def status_of(error: KahuaError) -> HTTPStatus:
    """HTTP status of an error."""
    if error.code == "too-much" and "retry_after" in error.details:
        return HTTPStatus.TOO_MANY_REQUESTS
    return STATUS[error.code]


def _on_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KahuaError)  # noqa: S101 - tells the type checker what was registered
    return problem_response(_request_id(request), error)


def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    findings = [_finding(finding) for finding in error.errors()[:MAX_FINDINGS]]
    first = findings[0]
    return _response(
        _request_id(request),
        HTTPStatus.BAD_REQUEST,
        {
            "code": "invalid-input",
            "title": "A value is not valid.",
            "detail": f"{first['field'] or 'The request'}: {first['reason']}.",
            "remedy": None,
            "field": first["field"],
            "findings": findings,
        },
        {},
    )


def _finding(finding: Mapping[str, Any]) -> dict[str, str]:
    """Say what is wrong with which field, without repeating what was sent."""
    place: Sequence[Any] = finding["loc"]
    return {"field": ".".join(str(part) for part in place[1:]), "reason": str(finding["msg"])}


def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    code = {HTTPStatus.NOT_FOUND: "not-found", HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-much"}.get(
        status, status.phrase.lower().replace(" ", "-")
    )
    detail = DETAILS.get(status, f"{status.phrase}.")
    content = {"code": code, "title": status.phrase, "detail": detail, "remedy": None}
    return _response(_request_id(request), status, content, dict(error.headers or {}))


def _headers(error: KahuaError, status: HTTPStatus) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return {"Retry-After": str(error.details["retry_after"])}
    if "warning" in error.details:  # as services of PS3.18 demand it
        return {"Warning": f"299 kahua: {error.details['warning']}"}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return {}


def _request_id(request: Request) -> str | None:
    return request.scope.get("kahua.request_id")


def _response(
    request_id: str | None, status: HTTPStatus, content: dict[str, Any], headers: Mapping[str, str]
) -> JSONResponse:
    body = {
        **content,
        "type": f"urn:kahua:error:{content['code']}",
        "status": int(status),
        "instance": f"urn:kahua:request:{request_id}" if request_id else None,
    }
    return JSONResponse(body, status_code=status, headers=dict(headers), media_type="application/problem+json")
