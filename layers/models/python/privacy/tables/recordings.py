"""The recordings table (home region): recordings of Free Trial sessions, each with where its bytes lie.

Key `database_id`, `id`. Index `due` (`shard`, `started_at`): every recording by its beginning. Index `ending`
(`ending_shard`, `ending_since`), sparse: what is over or not wholly there, whatever its period. There is no TTL: it
would remove the row before its bytes, and nothing would tell where those lie.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.recordings import PREFIX, Recording, RecordingStatus
from privacy.policy import Policy
from privacy.tables.expiry import over_condition
from privacy.tables.store import SHARDS, ConditionFailedError, Item, Operation, Table, epoch, instant, shard_of


@dataclass(frozen=True, slots=True)
class Recordings:
    """Typed access to the recordings table."""

    table: Table
    policy: Policy

    def create_operation(self, recording: Recording) -> Operation:
        """The write that creates a recording; refused when its id is taken."""
        return self.table.put_operation(_item(recording), Attr("id").not_exists())

    def get(self, database_id: str, recording_id: str) -> Recording | None:
        """A recording as it lies there, seen by anybody or not, read consistently."""
        item = self.table.get({"database_id": database_id, "id": recording_id})
        return _recording(item) if item else None

    def seen(self, database_id: str, now: datetime, after: str | None = None) -> Iterator[Recording]:
        """A database's recordings that have not ended, by id, those after an id only; read consistently."""
        condition = Key("database_id").eq(database_id) & Key("id").gt(after or PREFIX)
        for item in self.table.query(condition):
            recording = _recording(item)
            if recording.is_seen(self.policy, now):
                yield recording

    def stored(self, recording: Recording) -> Recording | None:
        """Note that all of a recording is there; None when it has ended in the meantime, or is noted already."""
        changes: Item = {"status": RecordingStatus.STORED.value, "ending_shard": None, "ending_since": None}
        return self._change(recording, changes, Attr("status").eq(RecordingStatus.STORING.value))

    def end(self, recording: Recording, status: RecordingStatus, now: datetime) -> Recording | None:
        """End a recording, so that nobody sees it any more; None when it has ended by itself, or otherwise."""
        living = Attr("status").eq(RecordingStatus.STORED.value)
        living = living & ~over_condition("started_at", self.policy.retention["recordings"], now)
        changes: Item = {"status": status.value, "ended_at": epoch(now), **_ending(recording.id, now)}
        return self._change(recording, changes, living)

    def remove(self, recording: Recording) -> bool:
        """Remove the row of a recording whose bytes are gone; whether there was one."""
        return self.table.delete({"database_id": recording.database_id, "id": recording.id}) is not None

    def due(self, now: datetime) -> Iterator[Recording]:
        """What may have to be removed, from both indexes; they lag, so look at each again before it is."""
        latest = self.policy.retention["recordings"].latest_origin_over(now)
        for shard in SHARDS:
            over = Key("shard").eq(shard) & Key("started_at").lte(epoch(latest))
            ended = Key("ending_shard").eq(shard) & Key("ending_since").lte(epoch(now))
            for index, condition in (("due", over), ("ending", ended)):
                for item in self.table.query(condition, index=index):
                    recording = _recording(item)
                    if recording.is_due(self.policy, now):
                        yield recording

    def _change(self, recording: Recording, changes: Item, when: Attr) -> Recording | None:
        key = {"database_id": recording.database_id, "id": recording.id}
        try:
            return _recording(self.table.update(key, changes, when))
        except ConditionFailedError:
            return None


def _ending(recording_id: str, since: datetime) -> Item:
    return {"ending_shard": shard_of(recording_id), "ending_since": epoch(since)}


def _item(recording: Recording) -> Item:
    """A recording as it is created: storing, so in the index of what waits."""
    return {
        "database_id": recording.database_id,
        "id": recording.id,
        "region": recording.region,
        "shard": shard_of(recording.id),
        "started_at": epoch(recording.started_at),
        "created_at": epoch(recording.created_at),
        "size": recording.size,
        "sealed": recording.sealed,
        "status": recording.status.value,
        **_ending(recording.id, recording.created_at),
    }


def _recording(item: Item) -> Recording:
    return Recording(
        database_id=item["database_id"],
        id=item["id"],
        region=item["region"],
        started_at=instant(item["started_at"]),
        created_at=instant(item["created_at"]),
        size=item["size"],
        sealed=item["sealed"],
        status=RecordingStatus(item["status"]),
        ended_at=instant(item["ended_at"]) if "ended_at" in item else None,
    )
