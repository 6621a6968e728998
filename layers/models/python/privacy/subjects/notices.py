"""The notices of an erasure: whether the processors that received something of the person were told of it, as it is
noted of each disclosure at the moment that somebody asks (promise rights.erase).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339
from privacy.models.disclosures import Disclosure, DisclosureStatus, erasure_notice
from privacy.models.erasures import NoticeStatus
from privacy.tables.disclosures import Disclosures


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of the notice to a processor, and when (None while it waits)."""

    processor: str
    status: NoticeStatus
    at: datetime | None

    def document(self) -> dict[str, Any]:
        """As it is told."""
        return {
            "processor": self.processor,
            "status": self.status.value,
            "at": rfc3339(self.at) if self.at else None,
        }


def planned(notice: Mapping[str, Any], erasure_id: str, now: datetime) -> list[Disclosure]:
    """The disclosures that tell a processor (`{processor, billing}`, as an erasure notes it): one for each record."""
    return [erasure_notice(notice["processor"], record_id, erasure_id, now) for record_id in notice["billing"]]


def states(
    notices: Sequence[Mapping[str, Any]], erasure_id: str, disclosures: Disclosures, now: datetime
) -> list[Notice]:
    """What became of an erasure's notices by now. One that was noted as told stays so when its disclosure is gone."""
    return [_state(notice, erasure_id, disclosures, now) for notice in notices]


def _state(notice: Mapping[str, Any], erasure_id: str, disclosures: Disclosures, now: datetime) -> Notice:
    processor = notice["processor"]
    if "told_at" in notice:
        return Notice(processor, NoticeStatus.TOLD, datetime.fromisoformat(notice["told_at"]))
    sent = [disclosures.get(one.id, now) for one in planned(notice, erasure_id, now)]
    refused = [one.refused_at for one in sent if one and one.status is DisclosureStatus.REFUSED and one.refused_at]
    if refused:
        return Notice(processor, NoticeStatus.REFUSED, max(refused))
    told = [one.delivered_at for one in sent if one and one.delivered_at]
    if told and len(told) == len(sent):
        return Notice(processor, NoticeStatus.TOLD, max(told))
    return Notice(processor, NoticeStatus.WAITING, None)
