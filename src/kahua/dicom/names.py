"""Names of persons (VR PN) as they are compared: component groups, and their components (PS3.5 6.2.1, PS3.4 C.2.2.2).

Case and accents do not matter, nor spaces around components, nor empty components and groups at the end.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kahua.dicom.header import fold
from kahua.errors import InvalidInput

#: The component groups, as DICOM JSON names them, in their order.
GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")

#: Components at the end of which anything is asked for, or nothing.
_ANY_AT_THE_END: Final = re.compile(r"(\^\**)+$")
_BETWEEN_WORDS: Final = re.compile(r"[\s^=,*?]+")


def fold_name(group: str) -> str:
    """Return a component group as it is compared.

    >>> fold_name("Röntgen ^ Ärztin^^")
    'rontgen^arztin'
    """
    return "^".join(component.strip() for component in fold(group).split("^")).rstrip("^")


def folded_groups(element: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Return the groups of the first name of a DICOM JSON element, folded; those that are not there are empty."""
    values = element.get("Value") if element else None
    name = values[0] if values else None
    if not isinstance(name, dict):  # of another VR, by mistake of the sender
        name = dict(zip(GROUPS, str(name or "").split("="), strict=False))
    alphabetic, ideographic, phonetic = (fold_name(str(name.get(group, ""))) for group in GROUPS)
    return alphabetic, ideographic, phonetic


def wanted_groups(value: str) -> tuple[str, ...]:
    """Read a name that is looked for: each group of its own place, or a single one, which may be any of the three.

    >>> wanted_groups("=山田^太郎"), wanted_groups("Yamada^Tarou^^=")
    (('', '山田^太郎'), ('yamada^tarou',))

    Raises
    ------
    InvalidInput
        It has more than three groups.
    """
    groups = [fold_name(group) for group in value.split("=")]
    while len(groups) > 1 and not groups[-1]:
        groups.pop()
    if len(groups) > len(GROUPS):
        raise InvalidInput("A name has at most three component groups.")
    return tuple(groups)


def is_any_name(groups: Sequence[str]) -> bool:
    """Whether groups that are looked for leave everything open, also that there is no name at all."""
    return all(group in ("", "*") for group in groups)


def name_patterns(group: str) -> tuple[str, ...]:
    """Return the patterns of which a group must fit one: components that may be anything may be missing, too.

    >>> name_patterns("doe^*")
    ('doe^*', 'doe')
    """
    without = _ANY_AT_THE_END.sub("", group)
    return (group, without) if without and without != group else (group,)


def name_words(value: str) -> tuple[str, ...]:
    """Return the words of a name that is looked for by the beginnings of words (fuzzy semantic matching).

    >>> name_words("Müller, Jörg*")
    ('muller', 'jorg')
    """
    return tuple(word for word in _BETWEEN_WORDS.split(fold(value)) if word)


def begins_words(groups: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether each wanted word begins some component, or some word of one, in any of the folded groups."""
    words = [word for group in groups for word in _BETWEEN_WORDS.split(group)]
    return all(any(word.startswith(each) for word in words) for each in wanted)
