"""What the site counts, for Prometheus. Every set of labels is fixed: nothing in them comes from outside."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.types import Scope

from kahua.database import Database
from kahua.store import InstanceRow, SeriesRow
from kahua.workflows import RunState
from kahua.workflows.tables import RunRow

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counters of one web process, and gauges that are read from the database."""

    def __init__(self, database: Database) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "kahua_http_requests", "Requests answered.", ["operation", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "kahua_http_request_seconds", "Time to the end of the answer.", ["operation"], registry=self._registry
        )
        self._of = cache(self._labelled)
        self._registry.register(_DatabaseCollector(database))

    def observe(self, scope: Scope, *, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        requests, times = self._of(_operation(scope), method, status)
        requests.inc()
        times.observe(seconds)

    def _labelled(self, operation: str, method: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(operation, method, str(status)), self._seconds.labels(operation)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


def _operation(scope: Scope) -> str:
    route: APIRoute | None = scope.get("route")
    return getattr(route, "operation_id", None) or getattr(route, "name", None) or "none"


class _DatabaseCollector(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterable[Metric]:
        """Name no metric in advance, so that registering asks nothing of the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._database.read() as session:
            series = session.scalar(select(func.count()).select_from(SeriesRow)) or 0
            instances = session.scalar(select(func.count()).select_from(InstanceRow)) or 0
            counts = session.execute(select(RunRow.state, func.count()).group_by(RunRow.state)).all()
            runs = dict(counts)
        yield GaugeMetricFamily("kahua_series", "Series in the archive.", series)
        yield GaugeMetricFamily("kahua_instances", "Instances in the archive.", instances)
        states = GaugeMetricFamily("kahua_runs", "Runs by state.", labels=["state"])
        for state in RunState:
            states.add_metric([state.value], runs.get(state.value, 0))
        yield states
