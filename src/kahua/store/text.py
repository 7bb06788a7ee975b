"""Text of DICOM headers, made fit for the tables."""

from kahua.dicom import Header, fold

#: Attributes by whose words a series can be found: patient, study, series.
SEARCHED_TAGS = (
    "00100010", "00100020", "00080020", "00080050", "00081030", "00200010", "00080090",
    "0008103E", "00080060", "00180015", "00181030", "00080070", "00081090", "00200011",
)  # fmt: skip


def cut(text: str, length: int) -> str:
    """Make hostile text fit for a column: no NUL characters, no lone surrogates, no more than its length."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:length]


def small(number: int | None) -> int | None:
    """Give a number that an integer column of every database can hold, or none."""
    return number if number is not None and -(2**31) <= number < 2**31 else None


def search_text(header: Header) -> str:
    """Give the words by which a series can be found: folded, each once, in the order of the attributes."""
    words = fold(" ".join(header.text(tag).replace("^", " ") for tag in SEARCHED_TAGS)).split()
    return cut(" ".join(dict.fromkeys(words)), 4000)
