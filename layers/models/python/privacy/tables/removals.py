"""The removals table (home region): the journal and ledger of every removal.

Key `subject`, `entry`: `removal` for the whole, `store#<region>#<store>#<segment>` for each part, so that parts that
run beside each other never write the same item; `certificate` in the end (`tables.certificates`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from privacy.models.removals import Progress, Removal
from privacy.tables.store import ConditionFailedError, Item, Operation, Table, epoch, instant

_WHOLE, _KEY = "removal", "key#"
"""The entry of a whole removal; how the attributes begin that tell of a region's data key."""


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
            "segments": removal.segments,
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

    def note(self, subject: str, now: datetime) -> None:
        """Note that a removal goes on. Raises: ConditionFailedError when it was never begun."""
        self._change(subject, {"active_at": epoch(now)})

    def note_keys(self, subject: str, keys: Mapping[str, datetime], now: datetime) -> None:
        """Note when the data keys of some regions were destroyed.

        Raises: ConditionFailedError when the removal was never begun.
        """
        noted = {_KEY + region: epoch(destroyed_at) for region, destroyed_at in keys.items()}
        self._change(subject, {"active_at": epoch(now), **noted})

    def settle(self, subject: str, now: datetime, looked_at: datetime, settles_at: datetime) -> bool:
        """Note that everything is emptied, since when a listing of it all found nothing, and when it may be listed for
        the last time; False when another worker noted it before.
        """
        changes = {"active_at": epoch(now), "looked_at": epoch(looked_at), "settles_at": epoch(settles_at)}
        try:
            self._change(subject, changes, Attr("subject").exists() & Attr("settles_at").not_exists())
        except ConditionFailedError:  # or a retry of the SDK met its own first attempt
            removal = self.get(subject)
            return removal is not None and removal.settles_at == settles_at
        return True

    def redo(self, progress: Progress) -> None:
        """Note that a segment is to be emptied anew, whoever is at it; what was removed stays counted."""
        self.save(replace(progress, done_at=None))

    def reopen(self, removal: Removal, now: datetime) -> bool:
        """Note that the last listing found something after all; False when another worker noted it before."""
        try:
            self._change(removal.subject, {"active_at": epoch(now), "settles_at": None}, _settling(removal))
        except ConditionFailedError:
            return False
        return True

    def revive(self, subject: str, now: datetime) -> None:
        """Note that a stalled removal was queued again; that is no progress of it.

        Raises: ConditionFailedError when it was never begun.
        """
        self._change(subject, {"revived_at": epoch(now)})

    def finish_operation(self, removal: Removal, now: datetime) -> Operation:
        """The write that ends a removal whose absence was checked; refused when another listing found something
        since this one was begun.
        """
        changes = {"active_at": epoch(now), "finished_at": epoch(now)}
        return self.table.update_operation({"subject": removal.subject, "entry": _WHOLE}, changes, _settling(removal))

    def progress(self, subject: str) -> dict[str, Progress]:
        """How far each segment has come, by its id."""
        condition = Key("subject").eq(subject) & Key("entry").begins_with("store#")
        found = [_progress(item) for item in self.table.query(condition)]
        return {entry.id: entry for entry in found}

    def save(self, progress: Progress) -> Progress | None:
        """Journal a segment's progress, or None when another worker journalled since it was read.

        A retry of the SDK may meet its own first attempt: what already stands there as it should is no refusal.
        """
        item: Item = {
            "subject": progress.subject,
            "entry": f"store#{progress.id}",
            "removed": progress.removed,
            "pending": progress.pending or None,
            "done_at": epoch(progress.done_at) if progress.done_at else None,
            "version": progress.version + 1,
        }
        unchanged = Attr("version").eq(progress.version) if progress.version else Attr("subject").not_exists()
        try:
            self.table.put(item, unchanged)
        except ConditionFailedError:
            stored = self.table.get({"subject": item["subject"], "entry": item["entry"]})
            if stored != {name: value for name, value in item.items() if value is not None}:
                return None
        return replace(progress, version=progress.version + 1)

    def _change(self, subject: str, changes: Item, when: ConditionBase | None = None) -> None:
        self.table.update({"subject": subject, "entry": _WHOLE}, changes, when or Attr("subject").exists())


def _settling(removal: Removal) -> ConditionBase:
    return Attr("settles_at").eq(epoch(removal.settles_at) if removal.settles_at else None)


def _removal(item: Item) -> Removal:
    def at(name: str) -> datetime | None:
        return instant(item[name]) if name in item else None

    return Removal(
        subject=item["subject"],
        region=item["region"],
        started_at=instant(item["started_at"]),
        active_at=instant(item["active_at"]),
        expected=item.get("expected", {}),
        segments=item["segments"],
        settles_at=at("settles_at"),
        finished_at=at("finished_at"),
        revived_at=at("revived_at"),
        looked_at=at("looked_at"),
        keys={name[len(_KEY) :]: instant(item[name]) for name in item if name.startswith(_KEY)},
    )


def _progress(item: Item) -> Progress:
    _, region, store, segment = item["entry"].split("#")
    return Progress(
        subject=item["subject"],
        store=store,
        segment=segment,
        region=region,
        removed=item["removed"],
        pending=item.get("pending", b""),
        done_at=instant(item["done_at"]) if "done_at" in item else None,
        version=item["version"],
    )
