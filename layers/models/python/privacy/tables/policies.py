"""The policies table: every version of the policy as it was first deployed, for ever.

Key `archive` (always `policy`), `version`. An item is written once; only `told_at`, when all accounts that a version
concerns had been told of it, comes later.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.policy import Document
from privacy.tables.store import ConditionFailedError, Item, Table, epoch

_ARCHIVE = "policy"


@dataclass(frozen=True, slots=True)
class Archived:
    """A version as the archive knows it: its digest when it was first deployed, and whether all were told."""

    version: str
    sha256: str
    told: bool


@dataclass(frozen=True, slots=True)
class Policies:
    """Typed access to the policies table."""

    table: Table

    def archive(self, document: Document, now: datetime) -> bool:
        """Keep a version; False when one of that date is kept, which stays as it is (promise policy.versions)."""
        item: Item = {
            **_key(document.version.isoformat()),
            "sha256": document.sha256,
            "document": json.dumps(dict(document.data), ensure_ascii=False),
            "text": document.text,
            "archived_at": epoch(now),
        }
        with suppress(ConditionFailedError):
            self.table.put(item, Attr("version").not_exists())
            return True
        return False

    def archived(self) -> Iterator[Archived]:
        """Every version that was ever deployed, the oldest first."""
        names = ("version", "sha256", "told_at")
        for item in self.table.query(Key("archive").eq(_ARCHIVE), names=names):
            yield Archived(item["version"], item["sha256"], "told_at" in item)

    def told(self, version: str, now: datetime) -> None:
        """Note that everybody was told of a version. Raises: ConditionFailedError when it is not kept."""
        self.table.update(_key(version), {"told_at": epoch(now)}, Attr("sha256").exists())


def _key(version: str) -> Item:
    return {"archive": _ARCHIVE, "version": version}
