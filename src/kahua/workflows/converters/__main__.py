"""The command line of the converters; the planner writes its command lines."""

import argparse
import sys
from pathlib import Path

from kahua.errors import KahuaError

#: Exit status of a conversion that was refused, in contrast to one that crashed.
REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one conversion."""
    given = _parser().parse_args(arguments)
    try:
        _convert(given)
    except KahuaError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return REFUSED
    return 0


def _convert(given: argparse.Namespace) -> None:
    """Import only what the conversion needs: each library costs a part of a second."""
    match given.conversion:
        case "dicom-to-nifti":
            from kahua.workflows.converters.dicom_to_nifti import dicom_to_nifti

            dicom_to_nifti(given.series, given.volume)
        case "labelmap-to-seg":
            from kahua.workflows.converters.labelmap_to_seg import labelmap_to_seg

            labelmap_to_seg(given.labels, given.image, given.details, given.out)
        case "measurements-to-sr":
            from kahua.workflows.converters.measurements_to_sr import measurements_to_sr

            segmentation = None if str(given.segmentation) == "-" else given.segmentation
            measurements_to_sr(given.table, segmentation, given.image, given.details, given.out)
        case other:
            raise AssertionError(other)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kahua.workflows.converters", description=__doc__)
    conversions = parser.add_subparsers(dest="conversion", required=True)
    places = {
        "dicom-to-nifti": {
            "series": "folder with the files of one DICOM series",
            "volume": "NIfTI file to write",
        },
        "labelmap-to-seg": {
            "labels": "NIfTI file of labels, in the grid of the image",
            "image": "folder with the DICOM series of the image",
            "details": "JSON file: UIDs, names and codes of the result",
            "out": "folder to write into",
        },
        "measurements-to-sr": {
            "table": "CSV file: name,value,unit[,segment]",
            "segmentation": "folder with the DICOM segmentation that was measured, or -",
            "image": "folder with the DICOM series of the image",
            "details": "JSON file: UIDs, names and codes of the result",
            "out": "folder to write into",
        },
    }
    for name, arguments in places.items():
        conversion = conversions.add_parser(name)
        for argument, sentence in arguments.items():
            conversion.add_argument(argument, type=Path, help=sentence)
    return parser


if __name__ == "__main__":
    sys.exit(main())
