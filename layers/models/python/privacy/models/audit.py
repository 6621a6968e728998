"""The audit trail as documents: an entry of what somebody did, and the block that chains entries for good.

Nobody is named in it: persons are keyed pseudonyms, things are ids of ours, and facts are words of our own, counts and
ids, never a text that somebody typed (promise security.measures).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339
from privacy.models.certificates import canonical

FORMAT = "perfectwork-audit-block/1"
"""Names the fields of a block and how it is signed."""

_WORD = re.compile(r"[A-Za-z0-9_.:/-]{1,120}")
"""What a fact may be: no space and no at sign, so neither a sentence nor an address gets in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done: `action` is a word of ours such as `audit.read`; `actor` the keyed pseudonym of who did it, or a
    function's name; `subject` an id of ours or a keyed pseudonym, of what it was done to.
    """

    id: str
    at: datetime
    action: str
    actor: str
    subject: str | None = None
    facts: Mapping[str, str | int] | None = None

    def __post_init__(self) -> None:
        facts = dict(self.facts or {})
        words = [self.action, self.actor, self.subject or "-", *facts, *map(str, facts.values())]
        if not all(_WORD.fullmatch(word) for word in words):
            raise ValueError("an entry of the audit trail holds ids, counts and words of ours only")

    def document(self) -> dict[str, Any]:
        """The entry as it is shown, and as it is digested."""
        return {
            "id": self.id,
            "at": rfc3339(self.at),
            "action": self.action,
            "actor": self.actor,
            "subject": self.subject,
            "facts": dict(self.facts or {}),
        }

    def digest(self) -> str:
        """The SHA-256 (hexadecimal) of the entry's canonical form."""
        return hashlib.sha256(canonical(self.document())).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The latest block: its number (from 1; 0 before the first) and the digest of its signed bytes."""

    sequence: int = 0
    digest: str | None = None


def block(head: Head, entries: Sequence[Entry], now: datetime) -> dict[str, Any]:
    """The next block, unsigned: the entries that it seals, each with its digest."""
    return {
        "format": FORMAT,
        "sequence": head.sequence + 1,
        "previous": head.digest,
        "sealed_at": rfc3339(now),
        "entries": [{"id": entry.id, "digest": entry.digest()} for entry in entries],
    }


def head_of(sequence: int, document: bytes) -> Head:
    """The head once a block is the latest."""
    return Head(sequence, hashlib.sha256(document).hexdigest())
