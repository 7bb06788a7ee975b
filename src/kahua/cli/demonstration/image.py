"""The demonstration's image: a head MR with skull and its brain mask, out of the published package NiMARE."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kahua.settings import Settings
from kahua.store.imports.importer import VolumeOptions, dicom_of_nifti
from kahua.workflows.environments import EnvironmentBuilder

#: The package, pinned by hash, without what it asks for: none of its code runs.
LOCK = Path(__file__).with_name("image.txt")
OVERRIDES = Path(__file__).with_name("image-overrides.txt")


@dataclass(frozen=True, kw_only=True)
class DemoImage:
    """Files of the demonstration, read where the package has them."""

    #: MNI152 template, T1, 182 × 218 × 182 voxels of 1 mm, NIfTI.
    head: Path
    #: Brain mask on the same grid.
    brain_mask: Path

    def as_dicom(self, settings: Settings) -> Path:
        """Turn the head into a DICOM MR series by the site's own import, and return its folder."""
        folder = settings.folder("demo") / "head"
        if not folder.is_dir():
            part = folder.with_name("head.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            options = VolumeOptions(modality="MR", description="Head T1 (MNI152)")
            dicom_of_nifti(self.head, part, name="Kahua demo.nii.gz", seed="demo", options=options)
            part.rename(folder)
        return folder


def fetch_demo_image(settings: Settings, tell: Callable[[str], None]) -> DemoImage:
    """Bring in the package if it is not there yet, and point to its files."""
    environment = EnvironmentBuilder(settings).build(LOCK, OVERRIDES, tell)
    templates = next(environment.folder.glob("lib/python*/site-packages/nimare/resources/templates"))
    return DemoImage(
        head=templates / "tpl-MNI152NLin6Asym_res-01_T1w.nii.gz",
        brain_mask=templates / "tpl-MNI152NLin6Asym_res-01_desc-brain_mask.nii.gz",
    )
