"""Mark every voxel of a NIfTI volume that is brighter than a level, with nothing but the standard library."""

import csv
import gzip
import math
import struct
import sys
import time
from array import array
from pathlib import Path

#: Types of voxels, by the code in the header (NIfTI-1, field datatype).
TYPES = {2: "B", 4: "h", 8: "i", 16: "f", 64: "d", 512: "H"}
UNSIGNED_BYTE = 2


def main(image: Path, mask: Path, volumes: Path, level: float, pause: float) -> None:
    """Write the labels, in the grid of the image, and the volume."""
    print(f"Marking what is brighter than {level:g}.")
    content = gzip.decompress(image.read_bytes())
    (kind,) = struct.unpack_from("<h", content, 70)
    spacing = struct.unpack_from("<4f", content, 76)[1:]
    offset = int(struct.unpack_from("<f", content, 108)[0])
    slope, intercept = struct.unpack_from("<2f", content, 112)
    slope = slope if math.isfinite(slope) and slope else 1.0
    intercept = intercept if math.isfinite(intercept) else 0.0
    time.sleep(pause)
    labels = bytes(slope * value + intercept > level for value in array(TYPES[kind], content[offset:]))

    header = bytearray(content[:offset])
    struct.pack_into("<2h", header, 70, UNSIGNED_BYTE, 8)
    struct.pack_into("<2f", header, 112, 1.0, 0.0)
    mask.write_bytes(gzip.compress(bytes(header) + labels, compresslevel=1))
    millilitres = sum(labels) * spacing[0] * spacing[1] * spacing[2] / 1000
    with volumes.open("w", newline="") as file:
        csv.writer(file).writerows([("name", "value", "unit", "segment"), ("volume", f"{millilitres:.3f}", "ml", 1)])
    print(f"Marked {sum(labels)} voxels.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), *map(float, sys.argv[4:6]))
