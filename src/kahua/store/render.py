"""Child process: decode and draw frames of files that its parent prepared.

``frames FILE OUT NUMBERS`` decodes frames; ``serve`` draws single frames, one for each line of standard input, until
that ends (see `kahua.store.decoders`).
"""

import json
import sys
from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from pydicom import dcmread

from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import read_frames
from kahua.errors import KahuaError
from kahua.store.child import REFUSED
from kahua.store.decoders import HEAD

#: WebP and JPEG quality.
QUALITY = 82

#: Formats of pictures by their media type.
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def main(arguments: Sequence[str]) -> None:
    """Do what the arguments say; a refusal is the last line on standard error, and a status of its own."""
    try:
        match arguments:
            case ["serve"]:
                serve(sys.stdin.buffer, sys.stdout.buffer)
            case ["frames", file, out, numbers]:
                decode_frames(Path(file), Path(out), [int(number) for number in numbers.split(",")])
            case _:
                raise SystemExit("Usage: frames FILE OUT NUMBERS | serve")
    except KahuaError as error:
        sys.stderr.write(str(error).replace("\n", " ") + "\n")
        sys.exit(REFUSED)


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Draw what each line asks for; answer with a picture or with the reason why there is none."""
    for line in jobs:
        try:
            drawn, content = True, draw_picture(json.loads(line))
        except KahuaError as error:
            drawn, content = False, str(error).encode()
        except Exception as error:  # noqa: BLE001 - whatever a hostile file does to the libraries, it has no picture
            drawn, content = False, f"The decoder failed: {type(error).__name__}: {error}".encode()
        answers.write(HEAD.pack(drawn, len(content)) + content)
        answers.flush()


def draw_picture(job: dict[str, Any]) -> bytes:
    """Draw one frame of a file as a picture of the wanted kind."""
    dataset = dcmread(job["file"], force=True)
    number = job["frame"] - 1
    frame = next(islice(read_frames(dataset), number, None))
    window = tuple(job["window"]) if job["window"] else None
    picture = frame_picture(frame, dataset, size=job["size"], window=window, number=number)
    out = BytesIO()
    Image.fromarray(picture).save(out, FORMATS[job["media_type"]], quality=QUALITY)
    return out.getvalue()


def decode_frames(file: Path, out: Path, numbers: Sequence[int]) -> None:
    """Write decoded frames, little endian, one after another (the reader knows their equal length)."""
    dataset = dcmread(file, force=True)
    wanted = {number - 1 for number in numbers}
    decoded = {
        number: frame for number, frame in enumerate(islice(read_frames(dataset), max(numbers))) if number in wanted
    }
    with out.open("xb") as written:
        for number in numbers:
            frame = decoded[number - 1]
            written.write(frame.astype(frame.dtype.newbyteorder("<")).tobytes())


if __name__ == "__main__":
    main(sys.argv[1:])
