"""The identity of patients: what a project does about it, when, and how it is found again."""

from kahua.store.confidentiality.instructions import Instructions, instructions_of
from kahua.store.confidentiality.keys import pseudonyms_of
from kahua.store.confidentiality.policy import Policy, policy_of, set_policy
from kahua.store.confidentiality.reports import (
    TABLE_COLUMNS,
    Tally,
    add_report,
    count_arrivals,
    find_report,
    reports_of,
    table_of,
)
from kahua.store.confidentiality.seal import (
    LEAST_PASSPHRASE,
    Original,
    SealKeys,
    break_seal,
    count_sealed,
    make_seal,
    public_key_of,
    seal,
    unseal,
)
from kahua.store.confidentiality.tables import TreatmentReportRow
from kahua.store.confidentiality.templates import add_template, remove_template, template_from, templates_of

__all__ = [
    "LEAST_PASSPHRASE",
    "TABLE_COLUMNS",
    "Instructions",
    "Original",
    "Policy",
    "SealKeys",
    "Tally",
    "TreatmentReportRow",
    "add_report",
    "add_template",
    "break_seal",
    "count_arrivals",
    "count_sealed",
    "find_report",
    "instructions_of",
    "make_seal",
    "policy_of",
    "pseudonyms_of",
    "public_key_of",
    "remove_template",
    "reports_of",
    "seal",
    "set_policy",
    "table_of",
    "template_from",
    "templates_of",
    "unseal",
]
