"""The certificate of a person's erasure: what was removed, what a law keeps, how absence was checked, and what nobody
can reach. It holds nothing of the person.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339
from privacy.models.certificates import ERASURE_FORMAT
from privacy.models.erasures import Erasure, NoticeStatus
from privacy.models.ids import new_id
from privacy.models.removals import Progress
from privacy.policy import Policy
from privacy.removal.certificate import MESSAGES, RECOVERY
from privacy.subjects.holding import Holding
from privacy.subjects.notices import Notice

RECOVERABLE = {
    "accounts": "the account's profile, password hash and consent",
    "billing": "billing records with the fields that an erasure takes away",
    "databases": "the names of databases that are destroyed, with their owner's keyed pseudonym",
}
"""The tables with point-in-time recovery that held something of a person (template.yaml), and what a copy shows."""

_METHOD = {
    "transfer": "S3 ListObjectVersions and ListMultipartUploads to their end",
}
_ITEMS = "DynamoDB GetItem, and Query of the person's part of the table or index to its end"


def facts(
    erasure: Erasure,
    told: Sequence[Notice],
    holdings: Sequence[Holding],
    journal: Mapping[str, Progress],
    listings: tuple[datetime, datetime],
    policy: Policy,
    home: str,
    now: datetime,
) -> dict[str, Any]:
    """The certificate's own content, before it has a place in the chain and a signature. `listings` are when the two
    listings began that found everything empty. `told` is what became of the processors' notices by now: one that waits
    is told of as it is, not waited for.
    """
    return {
        "format": ERASURE_FORMAT,
        "id": new_id("crt"),
        "request_id": erasure.id,
        "policy_version": policy.version.isoformat(),
        "requested_at": rfc3339(erasure.created_at),
        "decided_at": rfc3339(erasure.decided_at or erasure.created_at),
        "erased_at": rfc3339(now),
        "stores": [_store(holding, journal, listings, home) for holding in holdings],
        "databases": [{"database_id": database_id} for database_id in erasure.destroyed],
        "processors": [_notice(notice, now) for notice in told],
        "kept": _kept(erasure, policy, home, now),
        "unreachable": _unreachable(policy, home, now),
    }


def _notice(notice: Notice, now: datetime) -> dict[str, Any]:
    is_told = notice.at is not None and notice.status is NoticeStatus.TOLD
    return {
        "processor": notice.processor,
        "status": notice.status.value,
        "noted_at": rfc3339(now),
        "told_at": rfc3339(notice.at) if is_told and notice.at else None,
    }


def _store(
    holding: Holding, journal: Mapping[str, Progress], listings: tuple[datetime, datetime], home: str
) -> dict[str, Any]:
    progress = next((entry for entry in journal.values() if entry.store == holding.category), None)
    emptied = progress.done_at if progress and progress.done_at else listings[0]
    method = _METHOD.get(holding.store, _ITEMS)
    return {
        "store": holding.category,
        "region": home,
        "holds": holding.holds,
        "removed": progress.removed if progress else 0,
        "emptied_at": rfc3339(emptied),
        "checks": [{"method": method, "at": rfc3339(at), "left": 0} for at in listings],
    }


def withheld(policy: Policy, now: datetime) -> list[dict[str, Any]]:
    """What outlives an erasure that ends at `now` in the stores whose content a person is not shown, and until when at
    most. It is told of everybody, whether there is any: to tell it of some would warn them (GDPR article 23).
    """
    why = "shows that it was within its limits; it is told to everybody, whether there is any or not"
    return [
        {
            "what": "holds on the account that ended before, if any: its id, and what staff gave as the reason",
            "why": why,
            "until": rfc3339(policy.retention["holds.kept"].after(now)),
        },
        {
            "what": "requests that wait for a second person to bring the account together with visits, if any: its id",
            "why": why,
            "until": rfc3339(policy.retention["correlations.pending"].after(now)),
        },
    ]


def _kept(erasure: Erasure, policy: Policy, home: str, now: datetime) -> list[dict[str, Any]]:
    by_law = [
        {
            "what": f"{kept['category']}: {kept['count']} with the fields {', '.join(kept['fields'])}",
            "region": home,
            "why": kept["why"],
            "until": kept["until"],
        }
        for kept in erasure.kept
    ]
    return [
        *by_law,
        *({**row, "region": home} for row in withheld(policy, now)),
        {
            "what": "the request: its dates, what was decided and by whom, as a pseudonym; not whose it was",
            "region": home,
            "why": "proves that it was answered",
            "until": None,
        },
        {
            "what": "the address that this certificate is sent to",
            "region": home,
            "why": "it is removed as soon as the mail has left",
            "until": None,
        },
        {
            "what": "the audit trail's entries about the request, by its id, and this certificate",
            "region": home,
            "why": "prove the erasure",
            "until": None,
        },
    ]


def _unreachable(policy: Policy, home: str, now: datetime) -> list[dict[str, Any]]:
    """What could not be removed, where, why, and by when it is gone (null: that is not ours to say). Never left out."""
    until = rfc3339(now + RECOVERY)
    rows = [
        {
            "what": f"earlier states of the table {table} in point-in-time recovery: {shows}",
            "region": home,
            "why": "DynamoDB lets nobody remove a single item from them; they are not restored but by our operators",
            "until": until,
        }
        for table, shows in RECOVERABLE.items()
    ]
    return [
        *rows,
        {
            "what": "sign-ups and asked-for passwords with this address that wait for their links: sealed",
            "region": home,
            "why": "they open only with the link that was sent to the address, and name nobody else",
            "until": rfc3339(policy.retention["signups.pending"].after(now)),
        },
        {
            "what": "ids of ours, alone, in messages and in notes of repeated requests",
            "region": home,
            "why": "they are not searched: none holds anything of a person",
            "until": rfc3339(now + MESSAGES),
        },
        {
            "what": "logs",
            "region": None,
            "why": "they are not searched: no name, address, or id of an account is written to them",
            "until": None,
        },
        {
            "what": "mails that were sent, and what was downloaded",
            "region": None,
            "why": "they lie outside our systems",
            "until": None,
        },
    ]
