"""The information models of query and retrieve: their SOP classes and levels (PS3.4 C.3, C.6)."""

from typing import Final

from kahua.errors import InvalidInput

PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

FIND: Final = frozenset({PATIENT_ROOT_FIND, STUDY_ROOT_FIND})
MOVE: Final = frozenset({PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE})
GET: Final = frozenset({PATIENT_ROOT_GET, STUDY_ROOT_GET})
PATIENT_ROOT: Final = frozenset({PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE, PATIENT_ROOT_GET})
QUERY_RETRIEVE: Final = FIND | MOVE | GET

LEVELS: Final = ("PATIENT", "STUDY", "SERIES", "IMAGE")


def check_level(level: str, *, patient_root: bool) -> None:
    """Refuse a level that the information model does not have.

    Raises
    ------
    InvalidInput
        It has not.
    """
    levels = LEVELS if patient_root else LEVELS[1:]
    if level not in levels:
        raise InvalidInput(f"The Query/Retrieve Level is none of {', '.join(levels)}.", field="QueryRetrieveLevel")
