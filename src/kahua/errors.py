"""Every error of Kahua, in one tree.

::

    KahuaError
    ├── RequestRefused             the caller can change something
    │   ├── InvalidInput           a value is wrong; names the field
    │   ├── NotSignedIn            nobody is signed in, or the session or token has ended
    │   ├── NotFound               nothing of that name that the caller may see
    │   ├── NotAllowed             names the missing permission
    │   ├── StateConflict          the thing is not in a state that allows this
    │   ├── UnsupportedMedia       a body in a form that is not read
    │   └── TooMuch                a limit on size, number or rate was exceeded
    ├── DicomRefused               the object, not the request, is wrong
    │   ├── UnreadableDicom        not DICOM, truncated, or over a budget
    │   ├── MissingAttribute       a UID or module without which it cannot be filed
    │   ├── MisdeclaredDicom       not what its sender says it is
    │   ├── SopInstanceConflict    same SOP Instance UID, other content
    │   ├── UndecodablePixels      the pixels cannot be decoded
    │   ├── HeldBack               a person has to look at it first
    │   └── GeometryError          slices that are no volume
    ├── Unavailable                may work later; the only branch that is retried
    │   ├── PeerUnavailable        a PACS, partner or identity provider does not answer
    │   ├── OutOfSpace             the disk is full; nothing was accepted
    │   └── ResourceBusy           no GPU, no memory or no slot at the moment
    ├── TaskFailed                 a step of a run ended badly
    └── MisconfiguredSite          found at start; names the setting and the remedy

An error carries a stable `code` for programs, a `message` for people that says what happened to
what, and, where there is one, a `remedy`: the way out. The message never contains anything that
the caller may not see. How an error becomes an HTTP or DIMSE status is decided at the edge.
"""

from typing import ClassVar


class KahuaError(Exception):
    """Something went wrong in Kahua."""

    #: Stable name for programs: never changes once released.
    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, remedy: str | None = None, **details: object) -> None:
        self.message = message or (self.__doc__ or "").splitlines()[0]
        self.remedy = remedy
        #: Public facts about the error, by name; JSON-compatible.
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class RequestRefused(KahuaError):
    """The request cannot be carried out as it is."""

    code = "request-refused"


class InvalidInput(RequestRefused):
    """A value is not valid."""

    code = "invalid-input"

    def __init__(
        self, message: str | None = None, *, field: str | None = None, remedy: str | None = None, **details: object
    ) -> None:
        super().__init__(message, remedy=remedy, **({"field": field} if field else {}), **details)


class NotSignedIn(RequestRefused):
    """You are not signed in. Sign in, or send a valid API token."""

    code = "not-signed-in"


class NotFound(RequestRefused):
    """There is nothing of that name here."""

    code = "not-found"


class NotAllowed(RequestRefused):
    """You do not have the permission that this needs."""

    code = "not-allowed"


class StateConflict(RequestRefused):
    """The thing is not in a state that allows this."""

    code = "state-conflict"


class UnsupportedMedia(RequestRefused):
    """The body is in a form that this site does not read."""

    code = "unsupported-media"


class TooMuch(RequestRefused):
    """The request is over a limit."""

    code = "too-much"


class DicomRefused(KahuaError):
    """The DICOM object cannot be accepted."""

    code = "dicom-refused"


class UnreadableDicom(DicomRefused):
    """The object is not DICOM, or it is damaged."""

    code = "unreadable-dicom"


class MissingAttribute(DicomRefused):
    """The object lacks an attribute without which it cannot be filed."""

    code = "missing-attribute"


class MisdeclaredDicom(DicomRefused):
    """The object is not what its sender says it is."""

    code = "misdeclared-dicom"


class SopInstanceConflict(DicomRefused):
    """Another object with the same SOP Instance UID and other content is already here."""

    code = "sop-instance-conflict"


class UndecodablePixels(DicomRefused):
    """The pixels of the object cannot be decoded."""

    code = "undecodable-pixels"


class HeldBack(DicomRefused):
    """The pixels of the object may show who the patient is; a person has to look at it first."""

    code = "held-back"


class GeometryError(DicomRefused):
    """The slices do not form a volume."""

    code = "geometry"


class Unavailable(KahuaError):
    """Not possible at the moment; it may work later."""

    code = "unavailable"


class PeerUnavailable(Unavailable):
    """Another system does not answer."""

    code = "peer-unavailable"


class OutOfSpace(Unavailable):
    """The disk is full; nothing was accepted."""

    code = "out-of-space"


class ResourceBusy(Unavailable):
    """The resource is in use at the moment."""

    code = "resource-busy"


class TaskFailed(KahuaError):
    """A step of a run ended badly."""

    code = "task-failed"


class MisconfiguredSite(KahuaError):
    """The site cannot start with these settings."""

    code = "misconfigured-site"

    def __init__(self, message: str, *, setting: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy, **({"setting": setting} if setting else {}))
