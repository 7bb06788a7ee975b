"""What happens to each attribute when an object is de-identified: the table of PS3.15 E.1-1, and our additions.

The table is that of the package dicom-anonymizer; it holds the basic profile alone. Its options are
here, and rules for what no table can list: attributes that are not known, private ones, free text
that later editions may add.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table
from pydicom.datadict import dictionary_has_tag, keyword_for_tag

from kahua.dicom.elements import tags_of
from kahua.dicom.profile import Profile


class Action(StrEnum):
    """What is done with an attribute."""

    KEEP = "kept"
    REMOVE = "removed"
    EMPTY = "emptied"
    #: A value that says nothing, where a value is required.
    DUMMY = "replaced"
    #: The pseudonym of the patient.
    PSEUDONYM = "pseudonym"
    UID = "uid-replaced"
    SHIFT = "date-moved"
    #: Only words that are known to be harmless stay.
    CLEAN = "cleaned"
    #: A sequence stays, and what is in its items is treated.
    DESCEND = "descended"


PATIENT: Final = tags_of("PatientID PatientName")

#: Dates that say who somebody is even when they are moved.
_BIRTH: Final = tags_of("PatientBirthDate PatientBirthTime")

_DEVICE: Final = tags_of(
    "DeviceSerialNumber StationName DeviceUID GantryID DetectorID PlateID CassetteID GeneratorID SourceSerialNumber "
    "PerformedStationName PerformedStationAETitle PerformedStationNameCodeSequence ScheduledStationName "
    "ScheduledStationAETitle ScheduledStationNameCodeSequence StationAETitle TreatmentMachineName "
    "DateOfLastCalibration TimeOfLastCalibration DateOfLastDetectorCalibration TimeOfLastDetectorCalibration "
    "DeviceLabel XRayDetectorID XRaySourceID UDISequence ManufacturerDeviceIdentifier"
)

_CHARACTERISTICS: Final = tags_of(
    "PatientSex PatientAge PatientSize PatientWeight EthnicGroup SmokingStatus PregnancyStatus PatientSexNeutered"
)

#: What names the institution.
INSTITUTION: Final = tags_of(
    "InstitutionName InstitutionAddress InstitutionCodeSequence InstitutionalDepartmentName "
    "InstitutionalDepartmentTypeCodeSequence"
)

#: Descriptions that have a use in research, and in which anything may have been typed.
_DESCRIPTORS: Final = tags_of(
    "SeriesDescription StudyDescription ProtocolName PerformedProcedureStepDescription RequestedProcedureDescription "
    "ScheduledProcedureStepDescription AcquisitionProtocolDescription ContentDescription DerivationDescription "
    "StructureSetLabel StructureSetName StructureSetDescription ROIName ROIDescription ROIObservationLabel "
    "SegmentDescription TextValue TrackingID UnformattedTextValue RTPlanLabel RTPlanName ContrastBolusAgent "
    "AcquisitionDeviceProcessingDescription"
)

#: Free text that no table lists, where a value is required.
_FREE_TEXT: Final = tags_of("TextValue TrackingID UnformattedTextValue")

#: Long text of a fixed vocabulary, or that software writes.
_HARMLESS_TEXT: Final = tags_of(
    "LongCodeValue CodingSchemeName CodingSchemeResponsibleOrganization CodingSchemeURL MappingResourceName "
    "PixelPresentation ImageLaterality"
)

#: UIDs that name a kind of thing, not a thing.
_UIDS_OF_KINDS: Final = tags_of(
    "SOPClassUID CodingSchemeUID ContextUID ContextGroupExtensionCreatorUID MappingResourceUID"
)
_NAMES_OF_KINDS: Final = ("ClassUID", "TransferSyntaxUID", "SOPClassesInStudy", "SOPClassesSupported")

#: Digital signatures and encrypted originals; MAC parameters; curves and overlays.
_SIGNATURES: Final = frozenset({0x0400, 0x4FFE, 0xFFFA})
_GRAPHICS: Final = frozenset({*range(0x5000, 0x5100), *range(0x6000, 0x6100)})

_DATES: Final = frozenset({"DA", "DT"})
_LONG_TEXT: Final = frozenset({"ST", "LT", "UT", "UC"})


@cache
def _basic() -> dict[int, Action]:
    """Give the basic profile by tag; where it leaves a choice, that which keeps the object valid."""
    lists: tuple[tuple[Iterable[tuple[int, ...]], Action], ...] = (
        (table.X_TAGS, Action.REMOVE),
        (table.Z_TAGS, Action.EMPTY),
        (table.X_Z_TAGS, Action.EMPTY),
        (table.D_TAGS, Action.DUMMY),
        (table.Z_D_TAGS, Action.DUMMY),
        (table.X_D_TAGS, Action.DUMMY),
        (table.X_Z_D_TAGS, Action.DUMMY),
        (table.U_TAGS, Action.UID),
        (table.X_Z_U_STAR_TAGS, Action.UID),
    )
    return {tag[0] << 16 | tag[1]: action for tags, action in lists for tag in tags if len(tag) == 2}


@lru_cache(maxsize=16384)
def action_on(tag: int, vr: str, profile: Profile) -> Action:
    """Say what is done with an attribute of this tag and value representation."""
    group = tag >> 16
    if group % 2 or tag & 0xFFFF == 0 or group in _GRAPHICS | _SIGNATURES or not dictionary_has_tag(tag):
        return Action.REMOVE
    if tag in PATIENT:
        return Action.PSEUDONYM
    action = _by_option(tag, vr, profile) or _basic().get(tag) or _by_kind(tag, vr)
    if vr == "SQ" and action in (Action.DUMMY, Action.UID, Action.KEEP):
        return Action.DESCEND
    return action


def _by_option(tag: int, vr: str, profile: Profile) -> Action | None:
    if (
        (profile.retain_device and tag in _DEVICE and vr not in _DATES)
        or (profile.retain_characteristics and tag in _CHARACTERISTICS)
        or (profile.retain_institution and tag in INSTITUTION)
        or (profile.retain_uids and vr == "UI")
    ):
        return Action.KEEP
    if profile.clean_descriptors and tag in _DESCRIPTORS:
        return Action.CLEAN
    if profile.dates == "shift" and tag not in _BIRTH:
        return Action.SHIFT if vr in _DATES else Action.KEEP if vr == "TM" else None
    return None


def _by_kind(tag: int, vr: str) -> Action:
    """Decide on what the table does not list."""
    if tag in _FREE_TEXT:
        return Action.DUMMY
    if vr == "UI":
        kind = tag in _UIDS_OF_KINDS or keyword_for_tag(tag).endswith(_NAMES_OF_KINDS)
        return Action.KEEP if kind else Action.UID
    if vr in _DATES or vr in ("TM", "PN", "AE"):
        return Action.EMPTY
    if vr in ("UR", "UN") or (vr in _LONG_TEXT and tag not in _HARMLESS_TEXT):
        return Action.REMOVE
    return Action.KEEP


def requires_value(tag: int) -> bool:
    """Say whether an empty value would make an object invalid."""
    return tag in _FREE_TEXT or _basic().get(tag) == Action.DUMMY
