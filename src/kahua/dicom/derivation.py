"""What an object that was made from images inherits from them."""

from typing import Final

from pydicom import Dataset

#: Attributes of patient and study; where a source lacks them they are empty in what is derived.
_INHERITED: Final = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName"),
)


def complete_source(source: Dataset) -> Dataset:
    """Return a source with all attributes that a derived object inherits, empty where it lacks them.

    highdicom reads them without asking; real images lack any of them.
    """
    missing = [keyword for keyword in _INHERITED if keyword not in source]
    if not missing:
        return source
    completed = Dataset()
    completed.update(source)
    for keyword in missing:
        setattr(completed, keyword, None)
    if hasattr(source, "file_meta"):
        completed.file_meta = source.file_meta
    return completed
