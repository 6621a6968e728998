"""The deletions table (home region): the ledger of single records and files that their owner deleted.

Key `place`, `id`: those of the item in the content table, which hold tags and no name. A backup still has what is named
here, so a restore asks this ledger before anything is written back (promise databases.backups). TTL on `expires_at`.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr

from privacy.policy import Policy
from privacy.tables.store import ConditionFailedError, Item, Table, epoch, instant


@dataclass(frozen=True, slots=True)
class Deletions:
    """Typed access to the ledger."""

    table: Table
    policy: Policy

    def note(self, where: Item, now: datetime) -> None:
        """Note that what lies at a key of the content table is deleted: before it is, so that no crash forgets it.

        Of several deletions the latest counts.
        """
        expires_at = self.policy.retention["deletions"].after(now)
        item = {"place": where["place"], "id": where["id"], "deleted_at": epoch(now), "expires_at": epoch(expires_at)}
        with contextlib.suppress(ConditionFailedError):
            self.table.put(item, Attr("deleted_at").not_exists() | Attr("deleted_at").lt(epoch(now)))

    def of(self, places: Iterable[Item]) -> Mapping[tuple[str, str], datetime]:
        """When (the last time) what lies at some keys of the content table was deleted, by `place` and `id`; what
        never was is left out.
        """
        keys = [{"place": where["place"], "id": where["id"]} for where in places]
        return {(item["place"], item["id"]): instant(item["deleted_at"]) for item in self.table.get_all(keys)}

    def covers(self, since: datetime, now: datetime) -> bool:
        """Whether every deletion since an instant is still in the ledger: a restore of an older backup could bring
        something back.
        """
        return not self.policy.retention["deletions"].over(since, now)
