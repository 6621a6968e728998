"""Holds: what staff keep past its date for a ground, for how long, and what a hold covers (promise visits.retention).

A hold is about visits, or about an account, never about both: one that named a person's account and visits would link
the two (promise visits.unlinked). It keeps what ends while it is in force, and brings nothing back that ended before:
`kept_until` is the one rule that every sweep asks.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from privacy.clock import rfc3339
from privacy.models.fields import Form, Instant, NoCards, clean_text
from privacy.models.ids import is_id
from privacy.models.visits import canonical_address, place_of

PREFIX = "hld"
"""Begins a hold's id."""

MOST_IDS = 100
"""Visits that one hold may name one by one."""

WIDEST = {4: 8, 6: 32}
"""The shortest prefix of a network, by the version of its addresses, that a hold may name without a window: the blocks
in which addresses are given out (IPv4 by IANA in /8, https://www.iana.org/assignments/ipv4-address-space; IPv6 to
operators in /32). A wider one names no source but everybody, and a hold on everybody switches the promise off."""

LONGEST_WINDOW = timedelta(days=31)
"""How long the window of a hold may be that names neither visits nor a network: as that of a correlation."""

REASON_MAX_CHARACTERS = 500

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Ground(StrEnum):
    """Why something may be kept longer: a legitimate concern of the promise, or a law."""

    SECURITY = "security"
    PERFORMANCE = "performance"
    LAW = "law"


# --- what is asked for ---------------------------------------------------------------------------------------------


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("rule", message)


def _addresses(value: str) -> str:
    """A network in its one writing (RFC 4632, RFC 5952). IPv4 inside IPv6 is IPv4, as a visit's address is."""
    text = value.strip()
    try:
        network = ipaddress.ip_network(text) if len(text) <= 64 and "%" not in text else None
    except ValueError:
        network = None
    if network is None:
        raise _wrong("must be an address, or a network such as 203.0.113.0/24 whose address is its first")
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        inside = canonical_address(str(network.network_address))
        if inside and ":" not in inside:
            return str(ipaddress.ip_network(f"{inside}/{network.prefixlen - 96}"))
    return str(network)


def _visit(value: str) -> str:
    if place_of(value) is None:
        raise _wrong("must be the id of a visit")
    return value


def _account(value: str) -> str:
    if not is_id("acc", value):
        raise _wrong("must be the id of an account")
    return value


def _reason(value: str) -> str:
    return clean_text(value, longest=REASON_MAX_CHARACTERS, allowed="\n")


Addresses = Annotated[str, Field(strict=True, json_schema_extra={"maxLength": 64}), AfterValidator(_addresses)]
VisitId = Annotated[str, Field(strict=True), AfterValidator(_visit)]
AccountId = Annotated[str, Field(strict=True), AfterValidator(_account)]
Reason = Annotated[
    str,
    Field(strict=True, json_schema_extra={"minLength": 1, "maxLength": REASON_MAX_CHARACTERS}),
    AfterValidator(_reason),
    NoCards,
]


class VisitScope(Form):
    """Which visits: those from some addresses, from `from` on and before `to`, or named one by one. What is given must
    all be true of a visit.
    """

    addresses: Addresses | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    before: Annotated[Instant | None, Field(alias="to")] = None
    ids: Annotated[list[VisitId], Field(strict=True, min_length=1, max_length=MOST_IDS)] | None = None

    @model_validator(mode="after")
    def _limits(self) -> "VisitScope":
        if not any((self.addresses, self.since, self.before, self.ids)):
            raise _wrong("must name addresses, from, to or ids")
        if self.since and self.before and self.before <= self.since:
            raise _wrong("must end (to) after it begins (from)")
        return self

    @property
    def is_bounded(self) -> bool:
        """Whether it names visits, a network that is not too wide (`WIDEST`), or a window with both ends that is not
        too long (`LONGEST_WINDOW`).
        """
        network = _network(self.addresses) if self.addresses else None
        named = self.ids is not None or (network is not None and network.prefixlen >= WIDEST[network.version])
        return named or bool(self.since and self.before and self.before - self.since <= LONGEST_WINDOW)

    def covers(self, visit_id: str, address: str | None, visited_at: datetime) -> bool:
        """Whether a visit is among them."""
        if self.ids is not None and visit_id not in self.ids:
            return False
        if (self.since and visited_at < self.since) or (self.before and visited_at >= self.before):
            return False
        return self.addresses is None or _is_within(self.addresses, address)

    def may_meet(self, other: "VisitScope") -> bool:
        """Whether a visit could be among both."""
        if self.ids is not None and other.ids is not None and not set(self.ids) & set(other.ids):
            return False
        if (self.before and other.since and self.before <= other.since) or (
            other.before and self.since and other.before <= self.since
        ):
            return False
        return not (self.addresses and other.addresses) or _may_meet(
            _network(self.addresses), _network(other.addresses)
        )


class Scope(Form):
    """What a hold is about: visits, or the data that know an account."""

    visits: VisitScope | None = None
    account_id: AccountId | None = None

    @model_validator(mode="after")
    def _one(self) -> "Scope":
        if (self.visits is None) == (self.account_id is None):
            raise _wrong("must be either visits or account_id: together they would link visits to a person")
        return self

    @property
    def kind(self) -> str:
        """A word for the audit trail, which tells no address and no account."""
        return "visits" if self.visits else "account"

    def may_meet(self, other: "Scope") -> bool:
        """Whether something could be held by both."""
        if self.visits and other.visits:
            return self.visits.may_meet(other.visits)
        return self.account_id is not None and self.account_id == other.account_id

    def document(self) -> dict[str, Any]:
        """The scope as it is shown, and kept."""
        if self.visits is None:
            return {"account_id": self.account_id}
        written = {
            "addresses": self.visits.addresses,
            "from": rfc3339(self.visits.since) if self.visits.since else None,
            "to": rfc3339(self.visits.before) if self.visits.before else None,
            "ids": self.visits.ids,
        }
        return {"visits": {name: value for name, value in written.items() if value is not None}}


def _bounded(scope: Scope) -> Scope:
    """Asked of new holds only: one that was recorded stays readable."""
    if scope.visits and not scope.visits.is_bounded:
        network = f"a network of IPv4 /{WIDEST[4]} or IPv6 /{WIDEST[6]} at most"
        raise _wrong(f"must name ids, {network}, or from and to at most {LONGEST_WINDOW.days} days apart")
    return scope


class NewHold(Form):
    """The body of `POST /helpdesk/holds`."""

    scope: Annotated[Scope, AfterValidator(_bounded)]
    ground: Ground
    reason: Reason
    until: Instant


@lru_cache(maxsize=256)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


def _is_within(network: str, address: str | None) -> bool:
    try:
        return address is not None and ipaddress.ip_address(address) in _network(network)
    except ValueError:
        return False


def _may_meet(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


# --- a hold --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """A recorded hold. `owner` is the pseudonym of the member of staff who answers for it.

    `since` is when it came into force: what ended before it is not held. Until then it is being prepared, that is, what
    it covers is being freed from TTL (`privacy.removal.holds`). `freed_to` is how far that has come: visits up to this
    instant. `until` is the first second at which it is not in force; a release ends it at once.
    """

    id: str
    owner: str
    ground: Ground
    reason: str
    scope: Scope
    created_at: datetime
    until: datetime
    since: datetime | None = None
    freed_to: datetime | None = None
    released_at: datetime | None = None

    @property
    def ended_at(self) -> datetime:
        """When it ends, or ended."""
        return min(self.until, self.released_at) if self.released_at else self.until

    @property
    def starts_at(self) -> datetime:
        """From when on an end is one that it keeps from coming. While it is being prepared nothing that ends is
        removed, or what is held in the end might have gone already.
        """
        return self.since or self.created_at

    def has_ended(self, now: datetime) -> bool:
        """Whether it lapsed, or was released."""
        return self.ended_at <= now

    def is_in_force(self, now: datetime) -> bool:
        """Whether it keeps what it covers past its date."""
        return self.since is not None and not self.has_ended(now)


@dataclass(frozen=True, slots=True)
class UnreadableHold:
    """A hold that lies there and cannot be read: altered by hand, or written by another version of ours.

    Nobody knows what it covers. What was freed from TTL is left alone as long as it lies there, and so is an account
    that it names (`text` is all of it); the rest goes on its date.
    """

    id: str
    text: str = field(repr=False)

    def names(self, account_id: str) -> bool:
        """Whether it is, or may be, about an account."""
        return bool(account_id) and account_id in self.text


class UnreadableHoldError(Exception):
    """What is asked of a hold cannot be done, since it cannot be read."""


def kept_until(ends_at: datetime, holds: Iterable[Hold]) -> datetime:
    """When a thing goes whose period ends at `ends_at`: then, or when the holds that keep it have ended. It is held as
    long as this lies ahead.

    `holds` are those that cover it, ended ones too: a hold takes over what another one still keeps. What ended, or was
    let go, before a hold came into force is not kept by it: nothing is brought back.
    """
    for hold in sorted(holds, key=lambda hold: hold.starts_at):
        if hold.starts_at <= ends_at:
            ends_at = max(ends_at, hold.ended_at)
    return ends_at


def remembered_from(hold: Hold, holds: Iterable[Hold]) -> datetime:
    """Since when a hold is over for good: its own end, or the last end of those that took over what it kept, for they
    keep it by what is known of this one.
    """
    over = hold.ended_at
    for other in sorted(holds, key=lambda other: other.starts_at):
        if hold.starts_at <= other.starts_at <= over and other.scope.may_meet(hold.scope):
            over = max(over, other.ended_at)
    return over
