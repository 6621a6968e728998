"""The removals table (home region): the journal and ledger of every removal.

Key `subject`, `entry`: `removal` for the whole, `store#<store>#<segment>` for each part, so that parts that run beside
each other never write the same item.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from boto3.dynamodb.conditions import Attr, Key

from privacy.models.removals import Progress, Removal
from privacy.tables.store import ConditionFailedError, Item, Table, epoch, instant

_WHOLE = "removal"


@dataclass(frozen=True, slots=True)
class Removals:
    """Typed access to the removals table."""

    table: Table

    def begin(self, removal: Removal) -> Removal:
        """Open a removal's journal, or give back the one that was opened before."""
        item: Item = {
            "subject": removal.subject,
            "entry": _WHOLE,
            "region": removal.region,
            "started_at": epoch(removal.started_at),
            "active_at": epoch(removal.active_at),
            "expected": removal.expected,
        }
        try:
            self.table.put(item, Attr("subject").not_exists())
            return removal
        except ConditionFailedError:
            return self.get(removal.subject) or removal

    def get(self, subject: str) -> Removal | None:
        """The removal of a subject, read consistently."""
        item = self.table.get({"subject": subject, "entry": _WHOLE})
        return _removal(item) if item else None

    def note(
        self,
        subject: str,
        now: datetime,
        *,
        settles_at: datetime | None = None,
        finished_at: datetime | None = None,
    ) -> Removal:
        """Note that a removal is alive, and what else is known of it."""
        changes: Item = {"active_at": epoch(now)}
        if settles_at:
            changes["settles_at"] = epoch(settles_at)
        if finished_at:
            changes["finished_at"] = epoch(finished_at)
        return _removal(self.table.update({"subject": subject, "entry": _WHOLE}, changes, Attr("subject").exists()))

    def progress(self, subject: str) -> dict[str, Progress]:
        """How far each segment has come, by its id."""
        condition = Key("subject").eq(subject) & Key("entry").begins_with("store#")
        found = [_progress(item) for item in self.table.query(condition)]
        return {entry.id: entry for entry in found}

    def save(self, progress: Progress) -> Progress | None:
        """Journal a segment's progress, or None when another worker journalled since it was read."""
        item: Item = {
            "subject": progress.subject,
            "entry": f"store#{progress.id}",
            "region": progress.region,
            "removed": progress.removed,
            "pending": progress.pending or None,
            "done_at": epoch(progress.done_at) if progress.done_at else None,
            "version": progress.version + 1,
        }
        unchanged = Attr("version").eq(progress.version) if progress.version else Attr("subject").not_exists()
        try:
            self.table.put(item, unchanged)
        except ConditionFailedError:
            return None
        return replace(progress, version=progress.version + 1)


def _removal(item: Item) -> Removal:
    def at(name: str) -> datetime | None:
        return instant(item[name]) if name in item else None

    return Removal(
        item["subject"],
        item["region"],
        instant(item["started_at"]),
        instant(item["active_at"]),
        item.get("expected", {}),
        at("settles_at"),
        at("finished_at"),
    )


def _progress(item: Item) -> Progress:
    _, store, segment = item["entry"].split("#")
    return Progress(
        subject=item["subject"],
        store=store,
        segment=segment,
        region=item["region"],
        removed=item["removed"],
        pending=item.get("pending", b""),
        done_at=instant(item["done_at"]) if "done_at" in item else None,
        version=item["version"],
    )
