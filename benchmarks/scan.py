"""Time to read the header of an object: our scanner beside pydicom, in turn, on the same bytes.

    python benchmarks/scan.py [FILE]

Without a file, a CT slice of the DICOM factory with 150 private elements more. Prints the least
processor time of each and the ratio; both read all attributes of `kahua.dicom.INDEX_TAGS`.
"""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pydicom

from kahua.dicom import INDEX_TAGS, read_file_meta, scan
from kahua.testing import factory

ROUNDS, REPEATS = 20, 50


def sample() -> bytes:
    """Return a slice with a header as long as scanners write it."""
    instance = factory.ct_series(rows=512, columns=512)[0]
    block = instance.private_block(0x0019, "VENDOR", create=True)
    for number in range(150):
        block.add_new(number, "LO", f"value {number}")
    return factory.part10(instance)


def ours(data: bytes) -> None:
    """Read file meta and header."""
    file = io.BytesIO(data)
    meta = read_file_meta(file)
    size = len(data) - meta.data_offset
    scan(file, offset=meta.data_offset, size=size, transfer_syntax_uid=meta.transfer_syntax_uid)


def theirs(data: bytes) -> None:
    """Read the same attributes with pydicom."""
    instance = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    for tag in INDEX_TAGS:
        instance.get(int(tag, 16))


def microseconds(read: Callable[[bytes], None], data: bytes) -> float:
    """Return the processor time of one reading."""
    start = time.process_time()
    for _ in range(REPEATS):
        read(data)
    return (time.process_time() - start) / REPEATS * 1e6


def main() -> None:
    """Run both in turn and print the least times."""
    data = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else sample()
    rounds = [(microseconds(ours, data), microseconds(theirs, data)) for _ in range(ROUNDS)]
    kahua, peer = (min(times) for times in zip(*rounds, strict=True))
    print(f"kahua {kahua:.0f} µs, pydicom {peer:.0f} µs: {peer / kahua:.1f} times")


if __name__ == "__main__":
    main()
