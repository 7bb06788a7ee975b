"""Facts of series to test with."""

from typing import Any

from kahua.workflows.facts import SeriesFacts, Slice

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def slice_at(z: float, **changes: Any) -> Slice:
    """Give an axial slice at a height."""
    values: dict[str, Any] = {
        "position": (0.0, 0.0, z),
        "orientation": AXIAL,
        "rows": 8,
        "columns": 6,
        "frames": None,
        "object_key": f"{z:.3f}",
        "size": 1000,
    }
    return Slice(**(values | changes))


def series(*slices: Slice, **changes: Any) -> SeriesFacts:
    """Give a series of slices; ten axial ones, 2 mm apart, by default."""
    values: dict[str, Any] = {"id": "s1", "series_uid": "1.2.3", "modality": "MR", "description": "t1"}
    return SeriesFacts(**(values | changes), slices=slices or tuple(slice_at(2.0 * i) for i in range(10)))
