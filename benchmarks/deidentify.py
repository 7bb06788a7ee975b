"""Objects de-identified per second of one processor: Kahua beside dicom-anonymizer, in turn, on the same file.

    python benchmarks/deidentify.py [FILE]

Without a file, a CT slice of the DICOM factory with 150 private elements more. Both read a file and write one.
"""

import hashlib
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from dicomanonymizer import anonymize_dicom_file

from harness import print_conditions, print_table, print_verdict
from kahua.dicom import Profile, Pseudonyms
from kahua.dicom.deidentification import deidentify
from scan import sample

ROUNDS, REPEATS = 10, 10


def ours(source: Path, target: Path) -> None:
    """De-identify by the basic profile, dates moved."""
    pseudonyms = Pseudonyms(key=hashlib.sha256(b"benchmark").digest())
    with source.open("rb") as read, target.open("wb") as written:
        deidentify(read, written, pseudonyms=pseudonyms, subject="id\n1", profile=Profile())


def theirs(source: Path, target: Path) -> None:
    """De-identify by the rules that dicom-anonymizer has of itself."""
    anonymize_dicom_file(str(source), str(target))


def rate(treat: Callable[[Path, Path], None], source: Path, target: Path) -> float:
    """Objects per second of processor time."""
    start = time.process_time()
    for _ in range(REPEATS):
        treat(source, target)
    return REPEATS / (time.process_time() - start)


def main() -> None:
    """Run both in turn and print the best rates."""
    warnings.simplefilter("ignore")
    print_conditions()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.dcm", Path(folder) / "target.dcm"
        source.write_bytes(Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else sample())
        rounds = [(rate(ours, source, target), rate(theirs, source, target)) for _ in range(ROUNDS)]
    kahua, peer = (max(rates) for rates in zip(*rounds, strict=True))
    print_table(["", "objects/s of one processor"], [("kahua", f"{kahua:.0f}"), ("dicom-anonymizer", f"{peer:.0f}")])
    print_verdict("deidentify", figure=f"{kahua / peer:.1f} times", goal="none named", met=True)


if __name__ == "__main__":
    main()
