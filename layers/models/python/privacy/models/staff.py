"""Staff and what each role may do (api.md, staff)."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles that the issuer of staff tokens gives."""

    HELPDESK = "helpdesk"
    SECURITY = "security"
    DPO = "dpo"


@dataclass(frozen=True, slots=True)
class Staff:
    """A member of staff: `subject` is the issuer's lasting id of the person, which only pseudonyms are made from."""

    subject: str
    roles: frozenset[Role]
