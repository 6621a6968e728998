"""A disclosure: that a processor receives something of a person, by field names and never by values."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from privacy.models.ids import encode

PAYMENT = "payment"
ERASURE_NOTICE = "erasure-notice"
"""The purposes, as the register names them (promise processors.register)."""

FIELDS = {
    PAYMENT: ("amount", "currency", "description", "reference", "name", "email"),
    ERASURE_NOTICE: ("reference",),
}
"""What we send for a purpose. Whether a processor may have it is the gate's to say."""


class DisclosureStatus(StrEnum):
    """`queued`, then `delivered`; or `refused`: by the gate, by the processor, or since nothing was left. What is
    refused stays so until the DPO has it sent again.
    """

    QUEUED = "queued"
    DELIVERED = "delivered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One disclosure. `record` is the billing record that it tells of, `ground` what it is for: that record, or the
    erasure that is told. `account_id` tells whose it is, until they are erased. `reason` is why it was refused, in
    words of ours; `resends` is how often it was sent again after that.
    """

    id: str
    processor: str
    purpose: str
    fields: Sequence[str]
    record: str
    ground: str
    created_at: datetime
    account_id: str | None = None
    status: DisclosureStatus = DisclosureStatus.QUEUED
    delivered_at: datetime | None = None
    refused_at: datetime | None = None
    reason: str | None = None
    resends: int = 0

    @property
    def idempotency_key(self) -> str:
        """What a processor knows repetitions by. Sent again after a refusal it has another one: a processor may answer
        a key that it knows with what it answered then (https://docs.stripe.com/api/idempotent_requests).
        """
        return f"{self.id}-{self.resends}" if self.resends else self.id


def payment(processor: str, record_id: str, account_id: str, now: datetime) -> Disclosure:
    """The order of a confirmed subscription, for the processor of its payment."""
    disclosure_id = _id(PAYMENT, processor, record_id)
    return Disclosure(disclosure_id, processor, PAYMENT, FIELDS[PAYMENT], record_id, record_id, now, account_id)


def erasure_notice(processor: str, record_id: str, erasure_id: str, now: datetime) -> Disclosure:
    """Word of an erasure, for a processor that received a billing record's order (promise rights.erase)."""
    disclosure_id = _id(ERASURE_NOTICE, processor, record_id, erasure_id)
    return Disclosure(disclosure_id, processor, ERASURE_NOTICE, FIELDS[ERASURE_NOTICE], record_id, erasure_id, now)


def _id(*of: str) -> str:
    """Always the same for the same thing, so that a repetition discloses nothing twice."""
    return "dsc_" + encode(hashlib.sha256("/".join(of).encode("utf-8")).digest()[:16])
