"""Extract the brain from a T1-weighted image of the head: a mask in the image's grid, and its volume."""

import argparse
import csv
import sys
from pathlib import Path

import nibabel
import numpy as np
import torch
from deepbet import run_bet

#: deepbet takes smaller files for broken.
SMALLEST_FILE_BYTES = 102_400


def main() -> None:
    """Read the arguments, write labels and measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path, help="NIfTI volume of a head, T1-weighted")
    parser.add_argument("labels", type=Path, help="NIfTI file to write: 1 where the brain is, else 0")
    parser.add_argument("measurements", type=Path, help="CSV file to write: the volume in ml")
    parser.add_argument("--threshold", type=float, default=0.5, help="least probability of a voxel of the brain")
    parser.add_argument("--n-dilate", type=int, default=0, help="layers of voxels to add, or to remove if negative")
    arguments = parser.parse_args()

    mask = extract(arguments.image, arguments.labels, threshold=arguments.threshold, n_dilate=arguments.n_dilate)
    volume = volume_in_ml(mask)
    write_measurements(arguments.measurements, volume)
    print(f"Brain of {volume:.1f} ml found.")


def extract(image: Path, labels: Path, *, threshold: float, n_dilate: int) -> nibabel.Nifti1Image:
    """Write and return the mask of the brain, in the image's grid."""
    if image.stat().st_size < SMALLEST_FILE_BYTES:
        sys.exit("The image is too small to be a head. Give a T1-weighted volume of a whole head.")
    gpu = torch.cuda.is_available()
    print(f"Extracting the brain with deepbet on {'a GPU' if gpu else 'processors'}.", flush=True)
    written = labels.with_name("deepbet.nii.gz")
    try:
        run_bet(
            [str(image)],
            mask_paths=[str(written)],
            threshold=threshold,
            n_dilate=n_dilate,
            no_gpu=not gpu,
            skip_broken=False,
        )
    except (AssertionError, ValueError) as error:  # so deepbet says that no voxel looks like a brain
        print(f"deepbet: {error}", file=sys.stderr)
        sys.exit("No brain was found. Is this a T1-weighted image of a whole head? A lower threshold may help.")
    mask = as_labels(nibabel.load(written), nibabel.load(image))
    nibabel.save(mask, labels)
    written.unlink()
    return mask


def as_labels(mask: nibabel.Nifti1Image, image: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    """Make whole numbers of a mask, with a header of its own: deepbet hands on the image's intensity scaling."""
    if mask.shape != image.shape or not np.allclose(mask.affine, image.affine, atol=1e-4):
        sys.exit("deepbet answered in another grid than the image's: the result cannot be used.")
    labels = nibabel.Nifti1Image((np.asanyarray(mask.dataobj) > 0.5).astype(np.uint8), image.affine)
    labels.header.set_xyzt_units("mm")
    return labels


def volume_in_ml(mask: nibabel.Nifti1Image) -> float:
    """Volume of all labelled voxels; the affine gives the size of a voxel in mm."""
    voxel = abs(float(np.linalg.det(mask.affine[:3, :3])))
    return int(np.count_nonzero(np.asanyarray(mask.dataobj))) * voxel / 1000


def write_measurements(file: Path, volume: float) -> None:
    """Write the table of measurements: one row, for the one segment."""
    with file.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(("name", "value", "unit", "segment"))
        writer.writerow(("volume", f"{volume:.3f}", "ml", 1))


if __name__ == "__main__":
    main()
