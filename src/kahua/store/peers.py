"""Peers: the other DICOM applications that a project knows, what they may do here, and how they are called.

A peer calls this site by DIMSE under its AE title, from its networks; this site calls it by DIMSE or by
DICOMweb, as its kind says. An AE title proves nothing by itself: it counts only together with a network.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store.remote.tables import PeerRow, SeriesSourceRow
from kahua.store.vault import LOCKED, Vault

#: Most networks of one peer.
MAX_NETWORKS = 64

#: Longest time for which a temporary copy is kept, in hours.
MAX_KEEP_HOURS = 24 * 365

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}|[0-9A-Fa-f:.]{2,45}")

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, kw_only=True)
class PeerFacts:
    """What may be said, and changed, of a peer."""

    #: How it is called.
    kind: Literal["dimse", "dicomweb"] = "dimse"
    #: AE title under which it calls and is called (PS3.5 section 6.2).
    ae_title: str = ""
    host: str = ""
    port: int | None = None
    #: DIMSE over TLS (PS3.15 annex B).
    tls: bool = False
    #: Whether DIMSE retrieves by C-GET, or by C-MOVE to this site's own receiver.
    retrieve: Literal["get", "move"] = "get"
    #: Networks from which it may call; none means its host's address and this machine.
    networks: tuple[str, ...] = ()
    #: Root of its DICOMweb services.
    url: str = ""
    user_name: str = ""
    #: Password of that user, or without one a bearer token; locked (`kahua.store.vault`).
    secret: str = field(default="", repr=False)
    #: When it calls: whether it may send objects, and whether it may query and retrieve.
    may_store: bool = True
    may_query: bool = False
    #: Associations that it may have open at once.
    max_associations: int = 8
    #: What is sent there is de-identified.
    deidentify: bool = True
    #: Hours for which what is fetched from it stays here; then it is there alone, and fetched when it is wanted.
    keep_hours: int | None = None


@dataclass(frozen=True, kw_only=True)
class Peer(PeerFacts):
    """Another DICOM application that a project knows."""

    id: str
    project_id: str
    name: str


FACTS = tuple(each.name for each in fields(PeerFacts))


def peers_calling(session: Session, ae_title: str, address: str) -> list[Peer]:
    """Give the peers, of all projects, that may call under an AE title from an address."""
    rows = session.scalars(select(PeerRow).where(PeerRow.ae_title == ae_title.strip()).order_by(PeerRow.id))
    caller = ip_address(address)
    return [peer for peer in map(_peer, rows) if ae_title.strip() and _may_call_from(peer, caller)]


def peer_with_title(session: Session, project_id: str, ae_title: str) -> Peer | None:
    """Give the peer of a project that is called under an AE title: the destination of a C-MOVE."""
    row = session.scalars(
        select(PeerRow)
        .where(PeerRow.project_id == project_id, PeerRow.ae_title == ae_title.strip(), PeerRow.port.is_not(None))
        .order_by(PeerRow.id)
        .limit(1)
    ).one_or_none()
    return _peer(row) if row is not None and ae_title.strip() else None


def list_peers(session: Session, project_id: str) -> Sequence[Peer]:
    """Give the peers of a project, by name."""
    return [
        _peer(row)
        for row in session.scalars(select(PeerRow).where(PeerRow.project_id == project_id).order_by(PeerRow.name))
    ]


def find_peer(session: Session, project_id: str, name: str) -> Peer:
    """Give a peer by its name.

    Raises
    ------
    NotFound
        The project has no such peer.
    """
    return _peer(_row(session, project_id, name))


def peer_of_id(session: Session, project_id: str, peer_id: str) -> Peer | None:
    """Give a peer by its id; None if the project has none of it any more."""
    row = session.scalar(select(PeerRow).where(PeerRow.project_id == project_id, PeerRow.id == peer_id))
    return _peer(row) if row else None


def add_peer(session: Session, *, project_id: str, name: str, facts: PeerFacts) -> Peer:
    """Add a peer to a project.

    Raises
    ------
    InvalidInput
        A fact is not valid, or one that its kind needs is missing.
    StateConflict
        The project has a peer of this name.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "A peer's name has 1 to 32 lower-case letters, digits or hyphens, and begins with a letter or digit.",
            field="name",
        )
    check_facts(facts)
    row = PeerRow(project_id=project_id, name=name, created_at=now(), **_columns(facts))
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise StateConflict(f"There is already a peer {name}.", remedy="Choose another name.") from error
    return _peer(row)


def change_peer(session: Session, *, project_id: str, name: str, facts: PeerFacts) -> Peer:
    """Replace all that is known of a peer but its name.

    Raises
    ------
    InvalidInput
        A fact is not valid, or one that its kind needs is missing.
    NotFound
        The project has no such peer.
    """
    check_facts(facts)
    row = _row(session, project_id, name)
    for column, value in _columns(facts).items():
        setattr(row, column, value)
    session.flush()
    return _peer(row)


def remove_peer(session: Session, *, project_id: str, name: str) -> None:
    """Forget a peer: it may call no more, and is called no more.

    Raises
    ------
    NotFound
        The project has no such peer.
    StateConflict
        Series are there that are not kept here.
    """
    row = _row(session, project_id, name)
    left = (SeriesSourceRow.project_id == project_id, SeriesSourceRow.peer_id == row.id)
    count = session.scalar(select(func.count()).select_from(SeriesSourceRow).where(*left)) or 0
    if count:
        raise StateConflict(
            f"{count} series are kept at {name} alone.",
            remedy="Delete them first, or pull them again without --keep-hours.",
        )
    session.delete(row)
    session.flush()


def lock_secrets(session: Session, vault: Vault) -> int:
    """Lock the secrets that an earlier version kept as they are; return their number."""
    rows = session.scalars(select(PeerRow).where(PeerRow.secret != "", PeerRow.secret.not_like(f"{LOCKED}%"))).all()
    for row in rows:
        row.secret = vault.lock(row.secret)
    return len(rows)


def check_facts(facts: PeerFacts) -> None:
    """Refuse facts that cannot be.

    Raises
    ------
    InvalidInput
        One is not valid, or one that the kind needs is missing; the field is named.
    """
    if facts.kind not in ("dimse", "dicomweb"):
        raise InvalidInput("A peer is called by dimse or by dicomweb.", field="kind")
    if facts.retrieve not in ("get", "move"):
        raise InvalidInput("DIMSE retrieves by get or by move.", field="retrieve")
    _check_texts(facts)
    if facts.kind == "dimse":
        _check_dimse(facts)
    else:
        check_url(facts.url)
    if facts.port is not None and not 1 <= facts.port <= 65535:
        raise InvalidInput("A port is a number from 1 to 65535.", field="port")
    if not 1 <= facts.max_associations <= 1000:
        raise InvalidInput("A peer may have 1 to 1000 associations open.", field="max_associations")
    check_keep_hours(facts.keep_hours)
    _check_networks(facts.networks)


def check_url(url: str) -> None:
    """Refuse what is no address of a DICOMweb service.

    Raises
    ------
    InvalidInput
        It is none, or carries credentials, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or len(url) > 500 or any(letter <= " " or letter > "~" for letter in url):
        raise InvalidInput(
            "The address of a DICOMweb service is needed, such as https://pacs.example/dicom-web.", field="url"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInput(
            "The address holds more than a path.", field="url", remedy="Give credentials apart from the address."
        )


def check_keep_hours(hours: int | None) -> None:
    """Refuse a time for which nothing is kept here.

    Raises
    ------
    InvalidInput
        It is none.
    """
    if hours is not None and not 1 <= hours <= MAX_KEEP_HOURS:
        raise InvalidInput(f"A copy is kept for 1 to {MAX_KEEP_HOURS} hours, or for good.", field="keep_hours")


def _check_texts(facts: PeerFacts) -> None:
    title = facts.ae_title
    if len(title) > 16 or title != title.strip() or any(not " " <= letter <= "~" or letter == "\\" for letter in title):
        raise InvalidInput(
            "An AE title has up to 16 letters, digits or signs of ASCII, without backslash.", field="ae_title"
        )
    if facts.host and not _HOST.fullmatch(facts.host):
        raise InvalidInput("The host is a name or an address, without port.", field="host")
    if len(facts.user_name) > 200 or any(letter < " " for letter in facts.user_name):
        raise InvalidInput("It is longer than 200 characters, or has a line break.", field="user_name")
    if facts.secret and not facts.secret.startswith(LOCKED):
        raise InvalidInput("A secret is kept locked only.", field="secret")
    if ":" in facts.user_name:
        raise InvalidInput("A user's name has no colon (RFC 7617).", field="user_name")


def _check_dimse(facts: PeerFacts) -> None:
    for name in ("ae_title", "host", "port"):
        if not getattr(facts, name):
            raise InvalidInput("A DIMSE peer needs AE title, host and port.", field=name)


def _check_networks(networks: Sequence[str]) -> None:
    if len(networks) > MAX_NETWORKS:
        raise InvalidInput(f"A peer may have up to {MAX_NETWORKS} networks.", field="networks")
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise InvalidInput(
                f"{network!r} is no network.", field="networks", remedy="Write it like 10.1.0.0/16."
            ) from error


def _may_call_from(peer: Peer, caller: Address) -> bool:
    if peer.networks:
        return any(caller in ip_network(network) for network in peer.networks)
    return caller.is_loopback or caller in _addresses_of(peer.host)


def _addresses_of(host: str) -> set[Address]:
    """Give the addresses of a host; none if its name is not known at the moment."""
    if not host:
        return set()
    try:
        return {ip_address(str(found[4][0])) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, ValueError):
        return set()


def _row(session: Session, project_id: str, name: str) -> PeerRow:
    row = session.scalar(select(PeerRow).where(PeerRow.project_id == project_id, PeerRow.name == name))
    if row is None:
        raise NotFound("There is no such peer.", remedy="`kahua peer list` shows all of a project.")
    return row


def _columns(facts: PeerFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in FACTS} | {"networks": list(facts.networks)}


def _peer(row: PeerRow) -> Peer:
    known = {name: getattr(row, name) for name in (*FACTS, "id", "project_id", "name")}
    return Peer(**known | {"networks": tuple(row.networks)})
