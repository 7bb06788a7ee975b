"""Where an instance came from, and what became of it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The way by which something came in."""

    #: `dimse`, `stow`, `upload`, `import`, `pull` or `run`.
    door: str
    #: Who sent it: calling AE title, user, peer or run.
    sender: str
    #: What the sender calls it: a file name, for people to find it again.
    name: str = ""
    #: Name of the dataset to which its series is to be added.
    dataset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An instance that is in the archive, durably."""

    series_id: str
    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    #: It was there before, with the same bytes.
    duplicate: bool
    #: Sentences on what is odd about it, though acceptable.
    findings: tuple[str, ...] = ()
