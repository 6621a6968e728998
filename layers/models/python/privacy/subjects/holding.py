"""What a store holds about a person: how it is shown, corrected and erased. Each kind declares itself once."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from privacy.clock import rfc3339
from privacy.subjects.person import Person

Thing = tuple[str, ...]
"""A thing that can be removed, by its key (as in `privacy.removal.stores`)."""

HOSTING = "Amazon Web Services (hosts our systems)"
MAILING = "Amazon Web Services (sends our mails)"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is held about a person. `place` orders the things of a category, so that a list can go on from it;
    `ends` is when it goes (None: as long as its purpose lasts). `recipients` are who else received it.
    """

    place: str
    data: Mapping[str, Any]
    ends: datetime | None
    recipients: Sequence[str] = (HOSTING,)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a law makes us keep of a person after their erasure: how much, which fields, why, and until when."""

    category: str
    count: int
    fields: Sequence[str]
    why: str
    until: datetime

    def document(self) -> dict[str, Any]:
        """As it is told."""
        return {
            "category": self.category,
            "count": self.count,
            "fields": list(self.fields),
            "why": self.why,
            "until": rfc3339(self.until),
        }


class Holding(ABC):
    """What one store, or one kind of item in it, holds about a person."""

    category: ClassVar[str]
    """Its name for the person, in lower case: a folder of their export is called so."""
    store: ClassVar[str]
    """The table or bucket, by its name without the stack's."""
    purpose: ClassVar[str]
    origin: ClassVar[str]
    holds: ClassVar[str]
    """What a certificate says was removed."""

    stays: ClassVar[str | None] = None
    """Why it stays while an approved erasure waits for the person's databases; None: it goes at once."""

    @abstractmethod
    def items(self, person: Person, now: datetime) -> Iterator[Item]:
        """Everything that is held and may be read, in no order."""

    @abstractmethod
    def left(self, person: Person) -> Sequence[Thing]:
        """The things that an erasure has still to remove, or to shrink to what a law wants; also those that have
        expired and were not removed yet.
        """

    def left_at_once(self, person: Person, decided_at: datetime) -> Sequence[Thing]:
        """Of `left`, what goes although the person's databases are kept until their grace period ends. `decided_at` is
        when their erasure was approved.
        """
        del decided_at
        return [] if self.stays else self.left(person)

    @abstractmethod
    def remove(self, person: Person, things: Sequence[Thing]) -> None:
        """Remove or shrink things; one that is gone already is no error."""

    def correct(self, person: Person, old: Mapping[str, Any], new: Mapping[str, Any], email_tag: str) -> None:
        """Bring copies of a corrected profile in line: whatever equals an old value becomes the new one. `email_tag` is
        that of the new address. Repeated, the same (promise rights.rectify).
        """
        del person, old, new, email_tag

    def kept(self, person: Person, now: datetime) -> list[Kept]:
        """What a law makes us keep after an erasure."""
        del person, now
        return []


def corrected(
    fields: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Fields in which each old value became the new one; where there is none any more, the field is gone."""
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        if name in names and value == old.get(name) and value != new.get(name):
            if new.get(name) is not None:
                changed[name] = new[name]
        else:
            changed[name] = value
    return changed
