"""How much of an untrusted object may be read, unfolded and nested before it is refused."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits on parsing one DICOM object. Whatever is over one of them is `UnreadableDicom`."""

    #: Bytes read to find the attributes: all but skipped values and pixels.
    max_header_bytes: int = 64 * 1024 * 1024
    #: Data elements, items and fragments visited.
    max_elements: int = 200_000
    #: Nesting of sequences.
    max_depth: int = 32
    #: Bytes into which a deflated data set may grow.
    max_inflated_bytes: int = 2 * 1024 * 1024 * 1024
    #: Inflated bytes for each deflated one; real data sets stay below 50, bombs reach 1000.
    max_inflation_ratio: int = 200
    #: Longest value that is decoded as text or numbers; a longer one is left in the object.
    max_value_bytes: int = 1_000_000


#: For objects that were checked at the door already, and for tests.
DEFAULT_BUDGET = Budget()
