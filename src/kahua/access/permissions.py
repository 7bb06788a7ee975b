"""What people may do: the one table of roles and permissions that every door asks."""

from enum import StrEnum


class Permission(StrEnum):
    """One kind of act; every route names the one that it needs."""

    SERIES_READ = "series.read"
    SERIES_WRITE = "series.write"
    SERIES_EXPORT = "series.export"
    SERIES_DELETE = "series.delete"
    SERIES_ERASE = "series.erase"
    PATIENT_REIDENTIFY = "patient.reidentify"
    CONFIDENTIALITY_MANAGE = "confidentiality.manage"
    DATASET_READ = "dataset.read"
    DATASET_WRITE = "dataset.write"
    FILE_READ = "file.read"
    WORKFLOW_READ = "workflow.read"
    RUN_READ = "run.read"
    RUN_START = "run.start"
    RUN_CANCEL = "run.cancel"
    WORKITEM_READ = "workitem.read"
    WORKITEM_WRITE = "workitem.write"
    QUARANTINE_READ = "quarantine.read"
    QUARANTINE_MANAGE = "quarantine.manage"
    PEER_READ = "peer.read"
    MEMBER_READ = "member.read"
    MEMBER_MANAGE = "member.manage"

    USER_MANAGE = "user.manage"
    PROJECT_CREATE = "project.create"
    PIXEL_TEMPLATE_MANAGE = "pixel-template.manage"
    PEER_MANAGE = "peer.manage"
    EXTENSION_READ = "extension.read"
    EXTENSION_MANAGE = "extension.manage"
    AUDIT_READ = "audit.read"
    SITE_MONITOR = "site.monitor"


class Role(StrEnum):
    """What a user is in a project; each role may do all that the one before it may."""

    VIEWER = "viewer"
    CURATOR = "curator"
    SCIENTIST = "scientist"
    MANAGER = "manager"


_VIEWER = frozenset(
    {
        Permission.SERIES_READ,
        Permission.DATASET_READ,
        Permission.FILE_READ,
        Permission.WORKFLOW_READ,
        Permission.RUN_READ,
        Permission.WORKITEM_READ,
        Permission.MEMBER_READ,
    }
)
_CURATOR = _VIEWER | {
    Permission.SERIES_WRITE,
    Permission.SERIES_EXPORT,
    Permission.DATASET_WRITE,
    Permission.QUARANTINE_READ,
    Permission.PEER_READ,
}
_SCIENTIST = _CURATOR | {Permission.RUN_START, Permission.RUN_CANCEL, Permission.WORKITEM_WRITE}
_MANAGER = _SCIENTIST | {
    Permission.SERIES_DELETE,
    Permission.SERIES_ERASE,
    Permission.PATIENT_REIDENTIFY,
    Permission.CONFIDENTIALITY_MANAGE,
    Permission.QUARANTINE_MANAGE,
    Permission.MEMBER_MANAGE,
}

#: What each role may do in its project.
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.CURATOR: _CURATOR,
    Role.SCIENTIST: _SCIENTIST,
    Role.MANAGER: _MANAGER,
}

#: What an administrator may do on the site, besides being treated as manager of every project.
SITE_PERMISSIONS = frozenset(
    {
        Permission.USER_MANAGE,
        Permission.PROJECT_CREATE,
        Permission.PEER_MANAGE,
        Permission.PIXEL_TEMPLATE_MANAGE,
        Permission.EXTENSION_READ,
        Permission.EXTENSION_MANAGE,
        Permission.AUDIT_READ,
        Permission.SITE_MONITOR,
    }
)

#: What everyone who is signed in may do on the site.
EVERYBODY = frozenset({Permission.EXTENSION_READ})

#: What needs a person who is signed in: an API token, which may leak from a script, is not enough.
PERSON_ONLY = frozenset(
    {
        Permission.USER_MANAGE,
        Permission.MEMBER_MANAGE,
        Permission.SERIES_ERASE,
        Permission.PATIENT_REIDENTIFY,
        Permission.CONFIDENTIALITY_MANAGE,
        Permission.QUARANTINE_MANAGE,
        Permission.PEER_MANAGE,
        Permission.PIXEL_TEMPLATE_MANAGE,
    }
)
