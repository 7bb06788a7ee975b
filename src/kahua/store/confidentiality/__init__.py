"""The identity of patients: what a project does about it, when, and how it is found again."""

from kahua.store.confidentiality.keys import pseudonyms_of
from kahua.store.confidentiality.policy import Policy, policy_of, set_policy

__all__ = ["Policy", "policy_of", "pseudonyms_of", "set_policy"]
