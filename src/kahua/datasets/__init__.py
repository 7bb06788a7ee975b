"""Datasets: finding series, and keeping named lists of them."""

from kahua.datasets.arrivals import subscriptions
from kahua.datasets.confidentiality import (
    add_pixel_template,
    change_policy,
    forget_patients,
    remove_pixel_template,
    seal_patients,
)
from kahua.datasets.deliveries import note_end_of_delivery, start_delivery
from kahua.datasets.exports import MAX_NAMED_SERIES, MAX_PSEUDONYMS, MAX_REASON, begin_export, reidentify
from kahua.datasets.lists import (
    change_dataset,
    change_series,
    count_series,
    create_dataset,
    datasets_of,
    delete_dataset,
    find_dataset,
    list_datasets,
    series_of,
)
from kahua.datasets.orders import cancel_order, retry_order
from kahua.datasets.peers import add_peer, change_peer, note_search, remove_peer
from kahua.datasets.pulls import note_end_of_pull, start_pull
from kahua.datasets.quarantine import discard_quarantined, look_at, release
from kahua.datasets.query import MAX_QUERY_LENGTH, Field, Term, parse_query
from kahua.datasets.search import (
    FacetValue,
    FoundSeries,
    SeriesFilter,
    SeriesTotals,
    count_found,
    facets_of,
    find_series,
    get_series,
    some_series,
)
from kahua.datasets.tables import DatasetRow

__all__ = [
    "MAX_NAMED_SERIES",
    "MAX_PSEUDONYMS",
    "MAX_QUERY_LENGTH",
    "MAX_REASON",
    "DatasetRow",
    "FacetValue",
    "Field",
    "FoundSeries",
    "SeriesFilter",
    "SeriesTotals",
    "Term",
    "add_peer",
    "add_pixel_template",
    "begin_export",
    "cancel_order",
    "change_dataset",
    "change_peer",
    "change_policy",
    "change_series",
    "count_found",
    "count_series",
    "create_dataset",
    "datasets_of",
    "delete_dataset",
    "discard_quarantined",
    "facets_of",
    "find_dataset",
    "find_series",
    "forget_patients",
    "get_series",
    "list_datasets",
    "look_at",
    "note_end_of_delivery",
    "note_end_of_pull",
    "note_search",
    "parse_query",
    "reidentify",
    "release",
    "remove_peer",
    "remove_pixel_template",
    "retry_order",
    "seal_patients",
    "series_of",
    "some_series",
    "start_delivery",
    "start_pull",
    "subscriptions",
]
