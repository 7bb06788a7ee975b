"""Watching a site: its health in words, and what can be done about what is wrong."""

from kahua.monitoring.doctor import (
    Check,
    Finding,
    Severity,
    check_audit,
    check_contents,
    check_disk,
    check_durability,
    check_installed,
    check_left_over,
    check_objects,
    check_outbox,
    check_place_of_objects,
    check_quarantine,
    check_room,
    check_sandbox,
    check_secrets,
    check_web,
    examine,
)
from kahua.monitoring.erasure import Erasure, Erasures
from kahua.monitoring.readiness import Readiness

__all__ = [
    "Check",
    "Erasure",
    "Erasures",
    "Finding",
    "Readiness",
    "Severity",
    "check_audit",
    "check_contents",
    "check_disk",
    "check_durability",
    "check_installed",
    "check_left_over",
    "check_objects",
    "check_outbox",
    "check_place_of_objects",
    "check_quarantine",
    "check_room",
    "check_sandbox",
    "check_secrets",
    "check_web",
    "examine",
]
