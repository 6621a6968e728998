"""What is not, or no longer, a file of anybody's, and still lies in the content bucket.

A bucket and a table cannot change together. So an object is noted here before it is written, and the note goes in the
transaction that makes the object a file; where that transaction takes a file's object out of use, it is noted in the
same way, and the note goes once the object is gone. A worker may die after any call: what it leaves is named here, in
the order of time, and a sweep removes it (aws-facts.md, S3 lifecycle: a rule cannot tell it from what is in use).

Items of the content table: `leftover#<shard>` and `<twelve digits of epoch seconds>#<object key>`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from boto3.dynamodb.conditions import Attr, Key

from privacy.hosting.host import Host
from privacy.tables.store import SHARDS, ConditionFailedError, Operation, epoch, instant, shard_of

GRACE = timedelta(hours=1)
"""Longer than any worker lives (Lambda: 15 minutes): what is older is nobody's work under way."""

_PLACE = "leftover#"


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object that no file's row names, noted at a time. `note` names the note among all of a region."""

    noted_at: datetime
    key: str

    @property
    def note(self) -> str:
        """The note's sort key."""
        return f"{epoch(self.noted_at):012d}#{self.key}"


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The notes of a host."""

    host: Host

    def note(self, leftover: Leftover) -> None:
        """Note an object that is about to be written."""
        self.host.content.put(_item(leftover.note))

    def note_operation(self, leftover: Leftover) -> Operation:
        """The write that notes an object which the same transaction takes out of use."""
        return self.host.content.put_operation(_item(leftover.note))

    def keep_operation(self, leftover: Leftover) -> Operation:
        """The write that lets an object become a file: refused once the sweep has taken it."""
        untouched = Attr("id").exists() & Attr("taken").not_exists()
        return self.host.content.delete_operation(_item(leftover.note), untouched)

    def due(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        """Each note that is old enough, with the time since which it is."""
        last = f"{epoch(now - GRACE) + 1:012d}"
        for shard in SHARDS:
            for item in self.host.content.query(Key("place").eq(_PLACE + shard) & Key("id").lt(last)):
                yield item["id"], instant(int(item["id"][:12])) + GRACE

    def sweep(self, note: str) -> bool:
        """Remove what is due: it is taken first, so that a writer who lives on against all odds cannot make a file of
        it any more. Whether there still was a note.
        """
        try:
            self.host.content.update(_item(note), {"taken": True}, Attr("id").exists())
        except ConditionFailedError:
            return False
        return self.remove(note)

    def remove(self, note: str) -> bool:
        """Remove a noted object, then its note; whether there still was a note.

        Every version goes, not only the one that a row named: a call that the SDK repeated may have made two.
        """
        key = note.partition("#")[2]
        for number in self._versions(key):
            self.host.s3.delete_object(Bucket=self.host.content_bucket, Key=key, VersionId=number)
        return self.host.content.delete(_item(note)) is not None

    def _versions(self, key: str) -> list[str]:
        answer = self.host.s3.list_object_versions(Bucket=self.host.content_bucket, Prefix=key)
        entries = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
        return [entry["VersionId"] for entry in entries if entry["Key"] == key]


def _item(note: str) -> dict[str, str]:
    return {"place": _PLACE + shard_of(note), "id": note}
