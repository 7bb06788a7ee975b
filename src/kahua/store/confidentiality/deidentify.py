"""Child process: de-identify one file after another, as its parent asks on standard input.

A line of JSON with instructions (key, profile, templates) holds for all that follow; each other line names a source,
a target and a subject, and is answered by one line: what was changed, why the file was refused, or with which number of
an error the disk failed. The key comes by standard input, for arguments and environment can be read by others.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from kahua.dicom.deidentification import deidentify
from kahua.errors import KahuaError
from kahua.store.confidentiality import Instructions
from kahua.store.ingest.staging import FAILED, NO_ROOM


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")  # pydicom's warnings hold values of the objects
    instructions = None
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "instructions" in message:
            instructions = Instructions.from_json(message["instructions"])
        elif instructions is not None:
            sys.stdout.write(json.dumps(_answer(message, instructions)) + "\n")
            sys.stdout.flush()


def _answer(job: dict[str, str], instructions: Instructions) -> dict[str, Any]:
    try:
        with Path(job["source"]).open("rb") as source, Path(job["target"]).open("xb") as target:
            changes = deidentify(
                source,
                target,
                pseudonyms=instructions.pseudonyms,
                subject=job["subject"],
                profile=instructions.profile,
                templates=instructions.templates,
            )
    except KahuaError as error:
        return {"refused": error.message}
    except OSError as error:
        if error.errno not in NO_ROOM | FAILED:
            raise
        return {"failed": error.errno}
    counts = [[name, action, number] for (name, action), number in changes.counts.items()]
    return {**vars(changes), "counts": counts}


if __name__ == "__main__":
    main()
