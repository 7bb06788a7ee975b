"""The audit log: who did what, each entry chained by hash to the one before it.

An entry is written in the transaction of the act: there is no act without entry and no entry
without act. Whoever changes, removes or inserts an entry afterwards breaks the chain, unless they
write all later entries anew; keep the newest hash elsewhere to find that, too.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from kahua.access.tables import AuditEntryRow, AuditHeadRow
from kahua.database import now

#: What the first entry is chained to.
GENESIS = "0" * 64

#: Longest subject that is kept.
SUBJECT_LENGTH = 200

#: Entries read at once while the chain is verified.
VERIFY_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class AuditVerdict:
    """What a verification of the chain found."""

    entries: int
    #: Hash of the newest entry.
    head: str
    #: Sequence number of the first entry that does not fit the one before it.
    broken_at: int | None = None
    #: What is wrong, in a sentence; empty if nothing is.
    finding: str = ""

    @property
    def intact(self) -> bool:
        """Whether every entry is as it was written."""
        return not self.finding


def record(
    session: Session, *, actor: str, action: str, subject: str, project_id: str | None = None, **details: object
) -> None:
    """Write an entry in the caller's transaction; details are JSON-compatible facts by name."""
    head = _locked_head(session)
    entry = AuditEntryRow(
        at=now(),
        actor=_plain(actor)[:100],
        action=action,
        project_id=project_id,
        subject=_plain(subject)[:SUBJECT_LENGTH],
        details=json.loads(_canonical(details)),
    )
    entry.hash = head.hash = _hash(head.hash, entry)
    session.add(entry)
    session.flush()


def entries(
    session: Session, *, before: int | None = None, project_id: str | None = None, limit: int = 100
) -> Sequence[AuditEntryRow]:
    """Entries of the log, newest first, older than a sequence number."""
    query = select(AuditEntryRow).order_by(AuditEntryRow.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntryRow.sequence < before)
    if project_id is not None:
        query = query.where(AuditEntryRow.project_id == project_id)
    return session.scalars(query).all()


def verify_audit_chain(session: Session) -> AuditVerdict:
    """Compute every hash again and compare."""
    expected, count = GENESIS, 0
    query = select(AuditEntryRow).order_by(AuditEntryRow.sequence).execution_options(yield_per=VERIFY_BATCH)
    with closing(session.scalars(query)) as found:
        for entry in found:
            expected = _hash(expected, entry)
            if entry.hash != expected:
                return AuditVerdict(
                    entries=count,
                    head=expected,
                    broken_at=entry.sequence,
                    finding=f"Entry {entry.sequence} was changed, or an entry before it was removed or inserted.",
                )
            count += 1
    head = session.get(AuditHeadRow, 1)
    if (head.hash if head else GENESIS) != expected:
        return AuditVerdict(entries=count, head=expected, finding="The newest entries were removed.")
    return AuditVerdict(entries=count, head=expected)


def _locked_head(session: Session) -> AuditHeadRow:
    """Give the newest hash, which nobody else changes before the transaction ends: entries are written in turn."""
    query = select(AuditHeadRow).where(AuditHeadRow.id == 1).with_for_update()
    head = session.scalar(query)
    if head is None:  # two may write the very first entry at the same moment
        first = text("INSERT INTO audit_head (id, hash) VALUES (1, :hash) ON CONFLICT DO NOTHING")
        session.execute(first, {"hash": GENESIS})
        head = session.scalars(query).one()
    return head


def _hash(previous: str, entry: AuditEntryRow) -> str:
    content = [
        previous,
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.project_id,
        entry.subject,
        entry.details,
    ]
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).replace("\\u0000", "\\ufffd")


def _plain(text: str) -> str:
    """Replace what not every database can keep in a text; nobody needs to see it."""
    return text.replace("\x00", "\ufffd")
