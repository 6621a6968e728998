"""The deletion certificate: what was removed, where and when, how its absence was checked, and what nobody can reach.

It says no more than the journal, the keys' fences and the listings show, and holds nothing of a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from privacy.clock import rfc3339
from privacy.models.certificates import FORMAT, canonical
from privacy.models.databases import Database
from privacy.models.ids import new_id
from privacy.models.removals import Progress, places
from privacy.policy import Policy
from privacy.tables.certificates import Certificates
from privacy.tables.store import Operation, StoreBusyError, TransactionRefusedError, transact
from privacy.vault.signing import Signer

RECOVERY = timedelta(days=35)
"""The longest that point-in-time recovery, or the backup of a deleted table, goes back
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html)."""

MESSAGES = timedelta(days=14)
"""The longest that SQS keeps a message
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html)."""

RECOVERABLE_EVERYWHERE = {
    "content": "sealed under the data key, so unreadable since that was destroyed",
}
RECOVERABLE_AT_HOME = {
    "databases": "the database's name in plain, its region, dates and counts, and its owner's keyed pseudonym",
    "deletions": "notes of deleted records and files under keyed names, which mean nothing without the data key",
    "removals": "this removal's journal: counts, digests and dates",
}
"""The tables with point-in-time recovery that held anything of a database (template.yaml), and what a copy shows."""

_ITEMS = "DynamoDB Query of every partition to its end, read consistently"
_OBJECTS = "S3 ListObjectVersions and ListMultipartUploads to their end"
VERSIONS = "object versions, delete markers and unfinished uploads"

_STORES = {
    "jobs": ("exports, imports, uploads, backups and moves as the control panel knew them", _ITEMS),
    "deletions": ("notes of single records and files that were deleted before", _ITEMS),
    "recording-rows": ("recordings of sessions as the control panel knew them", _ITEMS),
    "records": ("records", _ITEMS),
    "catalogue": ("the rows of files, with their paths", _ITEMS),
    "files": (f"files: {VERSIONS}", _OBJECTS),
    "exports": (f"exports: {VERSIONS}", _OBJECTS),
    "uploads": (f"uploads: {VERSIONS}", _OBJECTS),
    "backups": (f"backups: {VERSIONS}", _OBJECTS),
    "recordings": (f"recordings of sessions: {VERSIONS}", _OBJECTS),
    "access": ("grants and reads of our staff, and requests for support (not counted)", _ITEMS),
}
"""What each store holds, and how it is listed."""

_TRIES = 16
"""Certificates that may overtake one while it is signed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known when a database's absence was checked: when each region's data key was destroyed, how each store
    was emptied, and when the two listings began that found everything empty.
    """

    keys: Mapping[str, datetime]
    journal: Sequence[Progress]
    listings: tuple[datetime, datetime]


def facts(database: Database, checked: Checked, policy: Policy, home: str, now: datetime) -> dict[str, Any]:
    """The certificate's own content, before it has a place in the chain and a signature."""
    return {
        "format": FORMAT,
        "id": new_id("crt"),
        "database_id": database.id,
        "name": None,
        "policy_version": policy.version.isoformat(),
        "requested_at": rfc3339(database.since),
        "destroyed_at": rfc3339(now),
        "keys": [{"region": region, "destroyed_at": rfc3339(at)} for region, at in sorted(checked.keys.items())],
        "stores": [_store(name, region, checked) for name, region in places(policy.regions, home)],
        "kept": _kept(policy.regions, home),
        "unreachable": _unreachable(policy.regions, home, now),
    }


def _store(name: str, region: str, checked: Checked) -> dict[str, Any]:
    segments = [segment for segment in checked.journal if (segment.store, segment.region) == (name, region)]
    holds, method = _STORES[name]
    return {
        "store": name,
        "region": region,
        "holds": holds,
        "removed": sum(segment.removed for segment in segments),
        "emptied_at": rfc3339(max(segment.done_at for segment in segments if segment.done_at)),
        "checks": [{"method": method, "at": rfc3339(at), "left": 0} for at in checked.listings],
    }


def _kept(regions: Iterable[str], home: str) -> list[dict[str, Any]]:
    return [
        {
            "what": "the tombstone: the database's id, region and dates, and its owner's keyed pseudonym",
            "region": home,
            "why": "stops a late write, a repeated message or a restored backup from bringing anything back",
        },
        {"what": "the journal of the removal and this certificate", "region": home, "why": "prove the removal"},
        {
            "what": "entries of the audit trail that name something of it, such as a recording, by its id",
            "region": home,
            "why": "say what our staff did: they hold ids and words of ours, and nobody can remove one",
        },
        {
            "what": "where a free trial opened it less than a week ago, the answer to that confirmation, with its id",
            "region": home,
            "why": "says the same to who follows the link again, until the sign-up's period ends",
        },
        *(
            {"what": "the fence in the place of the data key", "region": region, "why": "no new key can take its place"}
            for region in regions
        ),
    ]


def _unreachable(regions: Iterable[str], home: str, now: datetime) -> list[dict[str, Any]]:
    """What could not be removed, where, why, and by when it is gone (null: that is not ours to say). Never left out."""
    recoverable = [(table, region, shows) for region in regions for table, shows in RECOVERABLE_EVERYWHERE.items()]
    recoverable += [(table, home, shows) for table, shows in RECOVERABLE_AT_HOME.items()]
    until = rfc3339(now + RECOVERY)
    rows = [
        {
            "what": f"earlier states of the table {table} in point-in-time recovery: {shows}",
            "region": region,
            "why": "DynamoDB lets nobody remove a single item from them; they are not restored but by our operators",
            "until": until,
        }
        for table, region, shows in recoverable
    ]
    return [
        *rows,
        {
            "what": "backups that DynamoDB itself makes of a table that is deleted, should one have been: as above",
            "region": None,
            "why": "nobody can remove them before their time",
            "until": until,
        },
        {
            "what": "the database's id, alone, in messages and in notes of interrupted writes and repeated requests",
            "region": None,
            "why": "they are not searched: none holds content or a name, and none brings anything back",
            "until": rfc3339(now + MESSAGES),
        },
        {
            "what": "logs",
            "region": None,
            "why": "they are not searched: no content, name, address or id of a database is written to them",
            "until": None,
        },
        {
            "what": "what the owner, or whoever had a link from the owner, downloaded",
            "region": None,
            "why": "it lies outside our systems",
            "until": None,
        },
    ]


@dataclass(frozen=True, slots=True)
class Notary:
    """Signs certificates and adds them to the chain."""

    certificates: Certificates
    signer: Signer

    def certify(self, subject: str, content: Mapping[str, Any], operations: Sequence[Operation]) -> bool:
        """Add a certificate to the chain, all or nothing with some other writes; False when one of these is refused,
        or the subject has its certificate: another worker was faster.

        Raises: StoreBusyError when too many others are certified at the same time.
        """
        for _ in range(_TRIES):
            head = self.certificates.head()
            document = {**content, "sequence": head.sequence + 1, "previous": head.digest}
            signed = canonical(document | {"signature": self.signer.sign(canonical(document))})
            added, moved = self.certificates.add_operations(subject, signed, head)
            try:
                transact(self.certificates.table.client, [*operations, added, moved])
            except TransactionRefusedError as refused:
                if refused.failed != (len(operations) + 1,):
                    return False
            else:
                return True
        raise StoreBusyError("too many databases are certified at the same time")
