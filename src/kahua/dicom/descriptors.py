"""Descriptions, cleaned: of what was typed only the words that are known to be harmless."""

import re
from typing import Final

#: Regions, organs, directions, sequences and techniques, in lower case.
_VOCABULARY: Final = """
    1.5t 2d 3d 3t 4d abdomen abdominal adc adrenal angio ankle anterior aorta aortic arch arterial artery atrium
    attenuation ax axial bilateral bladder body bold bone bowel brain brainstem breast bronchus calibration cardiac
    carotid caudate cerebellum cerebral cervical chest cine circle colon contour contrast cor coronal coronary
    corrected correction cortex cr csf ct cta ctac ctv cube delayed derived diffusion dixon dose dti duodenum dwi dx
    dynamic eardrum echo edema enhancing epi esophagus eye eyes face fat fdg femoral femur field fiesta filtered flair
    flash foot forearm fov frontal fse function gallbladder gated gland glands gradient gray gre gtv haste head heart
    helical hepatic hip hippocampus hires humerus iac ileum image images in inferior inner inspiration intestine
    inversion iso isotropic itv kidney kidneys knee larynx lateral left leg lens lesion liver lobe localiser localizer
    low lower lumbar lung lungs lymph mandible map mask medial mediastinal mediastinum mg middle mip mpr mprage mr mra
    mri mrv multi muscle nac neck necrosis nerve node nodes nodule noncontrast nuclear oar oblique optic oral orbit
    oropharynx out ovary pancreas parallel parotid pat pelvic pelvis perfusion pet phase pituitary plain portal post
    posterior pre prone prostate proton pt ptv pulmonary radius recon rectum reformat region renal resolution rest
    reverse rib ribs right sacrum sag sagittal scan scout se segmentation seminal series shoulder sinus skin skull
    small soft space spgr spinal spine spiral spleen standard stir stomach stress subtraction sup superior supine
    surview swi t1 t1w t2 t2* t2w tbi te temporal thalamus thick thin thoracic thorax thyroid tibia time tir tissue
    tof topogram tra tracer trachea transverse tri trigeminal tse tumor tumour turbo ulna ultra upper ureter urethra
    uterus vein venous ventricle ventricles vertebra vertebrae vesicle vessel vessels vibe view vol volume water whole
    window with without wo wrist
"""

WORDS: Final = frozenset(_VOCABULARY.split())

#: A measure with its unit; a bare number could be part of a date or of an identifier.
_MEASURE: Final = re.compile(
    r"\d{1,3}(\.\d{1,2})?(mm|cm|ms|kv|kvp|hz|min|sec)|b\d{1,4}|h\d{2}[a-z]?|[tcl]\d{1,2}|s[1-5]"
)

_BETWEEN: Final = re.compile(r"[\s_/,;:()\[\]{}+|\\^=-]+")


def cleaned(text: str) -> str:
    """Keep the known words of a description, in their order; empty if there are none."""
    words = (word.strip(".") for word in _BETWEEN.split(text))
    return " ".join(word for word in words if word.lower() in WORDS or _MEASURE.fullmatch(word.lower()))
