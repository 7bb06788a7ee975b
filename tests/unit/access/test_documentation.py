"""The reference says what the table of permissions says."""

from pathlib import Path

import pytest

from kahua.access import EVERYBODY, PERMISSIONS, PERSON_ONLY, SITE_PERMISSIONS, Permission, Role

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "permissions.md"


def cells(permission: Permission) -> list[bool]:
    """Read the row of a permission."""
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{permission}` |")]
    return [cell.strip() == "yes" for cell in row.strip("|").split("|")[1:]]


@pytest.mark.parametrize("permission", sorted(set(Permission) - SITE_PERMISSIONS))
def test_reference_lists_the_roles_that_may(permission: Permission) -> None:
    assert cells(permission) == [permission in PERMISSIONS[role] for role in Role]


@pytest.mark.parametrize("permission", sorted(SITE_PERMISSIONS))
def test_reference_lists_what_concerns_the_site(permission: Permission) -> None:
    assert cells(permission) == [permission in EVERYBODY, True]


def test_reference_lists_what_needs_a_person() -> None:
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith("A person must be signed in")]
    assert {part.strip(" ,.`") for part in line.partition(":")[2].split(",")} == set(PERSON_ONLY)
