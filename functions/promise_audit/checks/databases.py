"""Section 3, customer databases: whose they are, where they lie, and that what is destroyed is gone."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from promise_audit.checks.signatures import digest, is_signed, sequence_of
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores

_ALIVE = ("active", "deactivated", "moving", "restoring")

_TOMBSTONE = frozenset({"id", "owner", "region", "status", "created_at", "since", "policy_version", "is_final"})
"""All that is left of a destroyed database."""

_STUCK = timedelta(days=1)
"""Work of a queue that takes longer needs somebody's look."""

_BUCKETS = ("content", "transfer", "backup", "recordings")


@dataclass(frozen=True, slots=True)
class _Content:
    """What lies in each store of each region, by the id of its database; which of these were destroyed before; how many
    records and files are not sealed; which stores were walked through.
    """

    destroyed: frozenset[str]
    found: dict[tuple[str, str], Counter[str]]
    opened: Counter[str]
    walks: tuple[str, ...]


def _content(stores: Stores, look: Look) -> _Content:
    """Look through every store for the ids of databases, once for all checks. A tombstone is read first, so that
    nothing that is destroyed in the meantime seems to be left over.
    """

    def read() -> _Content:
        rows = stores.rows("databases", names=["id", "status"])
        destroyed = frozenset(row["id"] for row in rows if row.get("status") == "destroyed")
        found: dict[tuple[str, str], Counter[str]] = {}
        opened: Counter[str] = Counter()
        for region in stores.regions.values():
            found["content", region] = Counter()
            for row in stores.walked_rows("content", region):
                database_id = row["place"].split("#")[0]
                found["content", region][database_id] += 1
                opened[database_id] += "sealed" not in row
            for bucket in _BUCKETS:
                listed = stores.walked_versions if bucket == "content" else stores.versions
                found[f"{bucket} bucket", region] = Counter(stored.database_id for stored in listed(bucket, region))
                found[f"uploads to the {bucket} bucket", region] = Counter(
                    next((part for part in key.split("/") if part.startswith("db_")), "")
                    for key, _ in stores.uploads(bucket, region)
                )
        for thing in ("jobs", "recordings", "access"):
            items = stores.rows(thing, names=["database_id"])
            found[thing, stores.home] = Counter(row["database_id"] for row in items)
        ledger = stores.rows("deletions", names=["place"])
        found["deletions", stores.home] = Counter(row["place"].split("#")[0] for row in ledger)
        walks = [name for name in stores.walks if name.startswith("content")]
        return _Content(destroyed, found, +opened, tuple(walks))

    made: _Content = stores.once("content of databases", read)
    look.walked(stores, *made.walks)
    return made


def ownership(stores: Stores, look: Look) -> None:
    """Every database has an owner, all content belongs to a database that exists, and all of it is sealed."""
    content = _content(stores, look)
    known: set[str] = set()
    look.at("databases", 0)
    for row in stores.rows("databases"):
        with look.row("databases", row["id"]):
            known.add(row["id"])
            owner = row.get("owner", "")
            look.expect(bool(owner), "databases without an owner", row["id"])
            look.expect("acc_" not in owner and "@" not in owner, "owners in the open", row["id"])
    for (place, _), counts in content.found.items():
        look.at("things of databases", sum(counts.values()))
        for database_id in counts:
            if not database_id.startswith("acc_"):  # exports of an account's own data lie and wait there, too
                look.expect(database_id in known, f"databases that do not exist, with content in {place}", database_id)
    for database_id in content.opened:
        look.wrong("databases with content that is not sealed", database_id)


def export(stores: Stores, look: Look) -> None:
    """A ready export has its file, of the size that was told; no export or import waits for longer than a day."""
    jobs = list(stores.rows("jobs"))
    files = {
        stored.key: stored.size
        for region in stores.regions.values()
        for stored in stores.versions("transfer", region)
        if not stored.is_marker
    }
    look.at("exports and imports", 0)
    for row in jobs:
        if row["kind"] not in ("export", "import", "file"):
            continue
        with look.row("exports and imports", row["id"]):
            if row["status"] in ("queued", "running"):
                _in_time(row, stores, look)
            elif row["kind"] == "export" and row["status"] == "ready":
                if stores.period("exports.file").over(stores.since(row, "finished_at"), stores.now):
                    continue
                size = files.get(f"exports/{row['database_id']}/{row['id']}.zip")
                look.expect(size == row["detail"]["bytes"], "ready exports without their whole file", row["id"])
    for queue in ("export", "import"):
        for name, region in stores.regions.items():
            with look.trying(name):
                look.letters(stores, queue, region)


def grace(stores: Stores, look: Look) -> None:
    """No database is deactivated for longer than the grace period, and until its end it can be brought back."""
    keys = {name: _keys(stores, region) for name, region in stores.regions.items()}
    period = stores.period("databases.grace")
    look.at("deactivated databases", 0)
    for row in _databases(stores, "deactivated"):
        with look.row("deactivated databases", row["id"]):
            if not look.ends("deactivated databases", period.after(stores.since(row, "since")), row["id"]):
                usable = "wrapped" in keys[row["region"]].get(row["id"], {})
                look.expect(usable, "deactivated databases that cannot be brought back", row["id"])
    look.swept(stores, "database-expiry", "databases")


def deletion(stores: Stores, look: Look) -> None:
    """No deletion takes longer than its period, and what is still there of one is known."""
    period = stores.period("databases.deletion")
    look.at("deletions under way", 0)
    for row in _databases(stores, "deleting"):
        with look.row("deletions under way", row["id"]):
            end = period.after(stores.since(row, "since"))
            if end <= stores.now:
                look.overdue += 1
                look.latest = max(look.latest, int((stores.now - end).total_seconds()))
                look.wrong("deletions past their deadline", row["id"])
    week = stores.now - timedelta(days=7)
    look.at("removals that ended", 0)
    for row in stores.rows("removals"):
        if row["entry"] != "removal" or "finished_at" not in row or not row["subject"].startswith("db_"):
            continue  # an erasure may wait for a grace period to end
        with look.row("removals that ended", row["subject"]):
            if stores.since(row, "finished_at") >= week:
                look.lags.append(row["finished_at"] - row["started_at"])
    for name, region in stores.regions.items():
        with look.trying(name):
            look.letters(stores, "deletion", region)
    look.swept(stores, "database-expiry", "databases")


def destroyed(stores: Stores, look: Look) -> None:
    """Of a destroyed database nothing is left but a bare tombstone, the fences of its keys and its certificate."""
    content = _content(stores, look)
    for (place, region), counts in content.found.items():
        look.at("things of databases", sum(counts.values()))
        for database_id in content.destroyed & set(counts):
            look.wrong(f"destroyed databases with something left in {place} ({region})", database_id)
    keys: dict[str, dict[str, Row]] = {}
    for name, region in stores.regions.items():
        with look.trying(name):
            keys[name] = _keys(stores, region)
            recovery = stores.client("dynamodb", region).describe_continuous_backups(TableName=stores.name("keys"))
            status = recovery["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
            off = status.get("PointInTimeRecoveryStatus", "DISABLED") == "DISABLED"
            look.expect(off, "tables of keys with point-in-time recovery: a destroyed key could come back", name)
    certificates = _certificates(stores, look)
    look.at("tombstones", 0)
    for row in _databases(stores, "destroyed"):
        with look.row("tombstones", row["id"]):
            look.expect(set(row) <= _TOMBSTONE, "tombstones that hold more than they may", row["id"])
            for name, found in keys.items():
                fence = found.get(row["id"], {})
                fenced = fence.get("state") == "destroyed" and "wrapped" not in fence
                look.expect(fenced, f"destroyed databases whose key is not ({name})", row["id"])
            if row["id"] in content.destroyed:
                named = certificates.get(row["id"], {}).get("database_id")
                look.expect(named == row["id"], "destroyed databases without their certificate", row["id"])
    for subject, certificate in certificates.items():
        if "database_id" in certificate:
            row = stores.item("databases", {"id": certificate["database_id"]})
            look.expect(row.get("status") == "destroyed", "certified databases without their tombstone", subject)
    look.swept(stores, "database-expiry", "leftovers")


def _certificates(stores: Stores, look: Look) -> dict[str, dict[str, Any]]:
    """Every certificate by its subject: genuine, and each following the one before from the first to the head."""
    public = stores.public_keys("certificates")
    found: dict[str, dict[str, Any]] = {}
    by_number: dict[int, tuple[str | None, str]] = {}
    key = {"subject": "certificates", "entry": "head"}
    head = stores.item("removals", key)  # first: what comes after is no gap
    look.at("certificates", 0)
    for row in stores.rows("removals"):
        if row["entry"] != "certificate":
            continue
        with look.row("certificates", row["subject"]):
            document = json.loads(row["document"])
            genuine = is_signed(document, public)
            look.expect(genuine, "certificates that are not genuine", row["subject"])
            if genuine:  # a number that was made up says nothing of the chain
                found[row["subject"]] = document
                by_number[document["sequence"]] = (document["previous"], digest(row["document"]))
    last: tuple[int, str | None] = (0, None)
    for number, (previous, own) in sorted(by_number.items()):
        look.expect((number - 1, previous) == last, "gaps in the chain of certificates")
        last = (number, own)
    _, latest = by_number.get(sequence_of(head), (None, ""))
    look.expect(latest == head.get("digest", ""), "heads of the chain that are not its latest certificate")
    named = sequence_of(stores.item("removals", key))  # now: it is written in one transaction with each
    look.expect(max(by_number, default=0) <= named, "chains of certificates without their head")
    return found


def region(stores: Stores, look: Look) -> None:
    """A database lies in the one region that it says, and is written there alone."""
    content = _content(stores, look)
    keys = {name: _keys(stores, region) for name, region in stores.regions.items()}
    look.at("databases", 0)
    for row in stores.rows("databases"):
        if row.get("status") not in _ALIVE:
            continue
        with look.row("databases", row["id"]):
            look.expect(row["region"] in stores.regions, "databases in a region that there is not", row["id"])
            if row["status"] == "moving" or _is_under_way(stores, row["id"], "move"):
                continue
            for name, aws in stores.regions.items():
                state = keys[name].get(row["id"], {}).get("state")
                right = ("open",) if name == row["region"] and row["status"] == "active" else ("open", "standby")
                right = ("standby",) if name != row["region"] else right
                look.expect(state in right, "databases whose key is open in the wrong region", row["id"])
                if name != row["region"]:
                    left = content.found["content", aws][row["id"]] + content.found["content bucket", aws][row["id"]]
                    look.expect(not left, "databases with content in another region", row["id"])
    for row in stores.rows("jobs"):
        if row["kind"] == "move" and row["status"] in ("queued", "running"):
            with look.row("moves under way", row["id"]):
                _in_time(row, stores, look)
    for name, aws in stores.regions.items():
        with look.trying(name):
            look.letters(stores, "move", aws)


def backups(stores: Stores, look: Look) -> None:
    """Every backup is there twice, whole, and no longer than its period; every active database has a fresh one."""
    every, kept = stores.period("backups.every"), stores.period("backups.kept")
    rows = [row for row in stores.rows("jobs") if row["kind"] == "backup"]
    objects: dict[str, dict[tuple[str, str], int]] = {}
    for name, aws in stores.regions.items():
        with look.trying(name):
            objects[name] = {}
            look.at("versions of backups", 0)
            for stored in stores.versions("backup", aws):
                look.at("versions of backups")
                # A copy is written after its backup was begun: what is due by its own time is due in any case.
                look.ends("versions of backups", kept.after(stored.at), stored.database_id)
                if not stored.is_marker:
                    objects[name][stored.key, stored.version] = stored.size
    alive = stores.ids("databases", "id")
    look.at("backups", 0)
    for row in rows:
        with look.row("backups", row["id"]):
            if row["status"] in ("queued", "running"):
                _in_time(row, stores, look)
            if row["status"] != "ready" or row["database_id"] not in alive:
                continue
            if look.ends("backups", kept.after(stores.since(row, "created_at")), row["id"]):
                continue
            copies = {copy["region"]: copy for copy in row["detail"]["copies"]}
            look.expect(set(copies) == set(stores.regions), "backups without a copy in each region", row["id"])
            for name, found in objects.items():
                key = f"{row['database_id']}/{row['id']}.sealed", copies[name]["version"]
                look.expect(
                    found.get(key) == row["detail"]["bytes"], f"backups without their copy in {name}", row["id"]
                )
    _fresh(stores, look, every)
    look.swept(stores, "database-expiry", "backups", "old-backups")
    for queue in ("backup", "restore"):
        for name, aws in stores.regions.items():
            with look.trying(name):
                look.letters(stores, queue, aws)


def _fresh(stores: Stores, look: Look, every: Any) -> None:
    look.at("active databases", 0)
    for row in _databases(stores, "active"):
        with look.row("active databases", row["id"]):
            since = datetime.fromtimestamp(row.get("unsaved_since") or row["created_at"], tz=stores.now.tzinfo)
            if row["since"] > row.get("unsaved_since", 0):  # it was closed in between: nobody could back it up
                since = max(since, stores.since(row, "since"))
            late = stores.now - every.after(since)
            if late > _STUCK:
                look.wrong("active databases without a fresh backup", row["id"])
            elif late > timedelta(hours=2):
                look.doubt("active databases whose backup is late")


def _in_time(row: Row, stores: Stores, look: Look) -> None:
    if stores.now - stores.since(row, "created_at") > _STUCK:
        look.doubt(f"work that waits for longer than a day: {row['kind']}")


def _is_under_way(stores: Stores, database_id: str, kind: str) -> bool:
    def read() -> frozenset[tuple[str, str]]:
        rows = stores.rows("jobs", names=["database_id", "kind", "status"])
        return frozenset((row["database_id"], row["kind"]) for row in rows if row["status"] in ("queued", "running"))

    return (database_id, kind) in stores.once("work under way", read)


def _databases(stores: Stores, status: str) -> list[Row]:
    return [row for row in stores.rows("databases") if row.get("status") == status]


def _keys(stores: Stores, region: str) -> dict[str, Row]:
    return {row["database_id"]: row for row in stores.rows("keys", region)}
