"""Is it there, can it work, what does it count."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel

from kahua.access import Permission, Principal
from kahua.api.metrics import Metrics
from kahua.api.security import Public, SiteAccess
from kahua.monitoring import Readiness

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The site answers."""

    status: str = "ok"


@router.get("/healthz", operation_id="get_health", dependencies=[Depends(Public())])
def get_health() -> Health:
    """Say that the process is there."""
    return Health()


@router.get("/readyz", operation_id="get_readiness", dependencies=[Depends(Public())])
def get_readiness(request: HttpRequest) -> Health:
    """Say that the process can work: its database answers, and a few seconds ago its object store did."""
    readiness: Readiness = request.app.state.readiness
    readiness.check()
    return Health()


@router.get("/metrics", operation_id="get_metrics", response_class=Response)
def get_metrics(
    _: Annotated[Principal, Depends(SiteAccess(Permission.SITE_MONITOR))], request: HttpRequest
) -> Response:
    """Give all metrics to Prometheus, which sends an administrator's API token."""
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
