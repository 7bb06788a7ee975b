"""Values of instances that the metadata only point to (bulk data, PS3.18 section 10.4.1.1.5)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from kahua.dicom import Budget
from kahua.dicom.transfer_syntaxes import encoding_of
from kahua.errors import NotFound
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.objects import ObjectStore

if TYPE_CHECKING:
    from kahua.dicom.json_model import BulkValue

#: Path of the pixels.
PIXEL_DATA = "7FE00010"


class _Place(TypedDict):
    """Where a data set lies in its file, and how it is encoded."""

    offset: int
    size: int
    transfer_syntax_uid: str
    budget: Budget


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value and where it lies."""

    path: str
    objects: ObjectStore
    key: str
    #: Place in the object.
    start: int
    length: int
    #: The bytes themselves, if they do not lie in the object as they are: it is deflated.
    content: bytes | None = None

    def pieces(self) -> Iterator[bytes]:
        """Give the bytes piece by piece."""
        return self.read(0, self.length)

    def read(self, begin: int, count: int) -> Iterator[bytes]:
        """Give so many bytes from `begin` on, piece by piece."""
        if self.content is not None:
            return iter([self.content[begin : begin + count]])
        return self.objects.stream(self.key, start=self.start + begin, length=count)


def find_value(objects: ObjectStore, instance: StoredInstance, path: str, budget: Budget) -> Value:
    """Find the value of a BulkDataURI: tags and item numbers, as "00400275/0/00400007".

    Raises
    ------
    NotFound
        The instance has no such value.
    """
    for value in _values(objects, instance, budget, lambda each: each.path == path):
        return value
    raise NotFound("The instance has no such value.")


def all_values(objects: ObjectStore, instance: StoredInstance, budget: Budget) -> Iterator[Value]:
    """Give every value to which the metadata only point; of encapsulated pixels there is none."""
    return _values(objects, instance, budget, lambda each: each.is_bulk)


def _values(
    objects: ObjectStore, instance: StoredInstance, budget: Budget, wanted: "Callable[[BulkValue], bool]"
) -> Iterator[Value]:
    from kahua.dicom import json_model  # late: it loads pydicom's dictionary, which no other request needs

    place: _Place = {
        "offset": instance.data_offset,
        "size": instance.size - instance.data_offset,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "budget": budget,
    }
    deflated = encoding_of(instance.transfer_syntax_uid).deflated
    with objects.local_file(instance.object_key) as path, path.open("rb") as file:
        for each in json_model.bulk_values(file, **place):
            if wanted(each):
                content = json_model.bulk_data(file, path=each.path, **place)[1] if deflated else None
                start = instance.data_offset + each.start
                yield Value(
                    path=each.path,
                    objects=objects,
                    key=instance.object_key,
                    start=start,
                    length=each.length,
                    content=content,
                )
