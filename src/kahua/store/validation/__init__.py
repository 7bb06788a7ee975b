"""Validation: what is wrong with a series, in words, and what can be done about it."""

from kahua.store.validation.findings import STATES, Finding, Severity, badge_of, findings_of

__all__ = ["STATES", "Finding", "Severity", "badge_of", "findings_of"]
