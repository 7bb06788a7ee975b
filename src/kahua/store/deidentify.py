"""Child process: de-identify one file after another, as its parent asks on standard input.

The first line is JSON with the key and the profile; each further line names a source, a target and a
subject, and is answered by one line: what was changed, or why the file was refused. The key comes by
standard input, for arguments and environment can be read by others.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from kahua.dicom.deidentification import deidentify
from kahua.dicom.profile import Profile
from kahua.dicom.pseudonyms import Pseudonyms
from kahua.errors import KahuaError


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")  # pydicom's warnings hold values of the objects
    start = json.loads(sys.stdin.readline())
    pseudonyms, profile = Pseudonyms(key=bytes.fromhex(start["key"])), Profile(**start["profile"])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line), pseudonyms, profile)) + "\n")
        sys.stdout.flush()


def _answer(job: dict[str, str], pseudonyms: Pseudonyms, profile: Profile) -> dict[str, Any]:
    try:
        with Path(job["source"]).open("rb") as source, Path(job["target"]).open("xb") as target:
            changes = deidentify(source, target, pseudonyms=pseudonyms, subject=job["subject"], profile=profile)
    except KahuaError as error:
        return {"refused": error.message}
    counts = [[name, action, number] for (name, action), number in changes.counts.items()]
    return {**vars(changes), "counts": counts}


if __name__ == "__main__":
    main()
