"""Destroyed means destroyed: canaries in everything that a database can hold, in both regions, and afterwards none.

Before the deletion the same search finds them, in plain or by the keys that the engine gives away; after it neither the
engine nor who kept the data key finds anything, and a backup that comes back from elsewhere stays closed.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.engine import ACCOUNT
from local.leftovers import Place
from tests.integration.deployed import Customer, Deployed, assert_problem, file_route, found, lines, waited_for
from tests.integration.opener import Opener
from tests.template.source import ROOT

pytestmark = pytest.mark.promise("databases.deletion", "databases.destroyed")

AMERICAS, ASIA = "us-east-1", "ap-southeast-1"
AT_HOME = {"jobs", "deletions", "recording-rows", "access"}
STORES = AT_HOME | {"records", "files", "catalogue", "exports", "uploads", "backups", "recordings"}
LEFT_BEHIND = {f"{ASIA} table perfectwork-{name}" for name in ("databases", "removals", "keys", "signups")} | {
    f"{AMERICAS} table perfectwork-keys"
}
"""Who knows a destroyed database's id: tombstone, journal with certificate, fences and, for a week, the answer to the
confirmation of the trial that it came with.
"""


def canary() -> str:
    return f"canary{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Destroyed:
    """A database that held canaries, what was found before and after its end, and what somebody kept of it."""

    customer: Customer
    words: Mapping[str, str]
    before: Sequence[Place]
    opened_before: Sequence[Place]
    roots: Mapping[str, bytes]
    backups: Mapping[str, bytes]
    backup_id: str
    told: Mapping[str, Any]
    after: Sequence[Place]


def backed_up(system: Deployed, owner: Customer, database: str) -> dict[str, Any]:
    """Let the schedule back a database up; its newest backup."""
    known = {
        entry["backup_id"]
        for entry in owner.panel.call("GET", f"/databases/{database}/backups", expect=200).json()["items"]
    }

    def done() -> dict[str, Any] | None:
        system.sweep("database_expiry")
        items = owner.panel.call("GET", f"/databases/{database}/backups", expect=200).json()["items"]
        return next((entry for entry in items if entry["backup_id"] not in known), None)

    return waited_for(done, "backup", seconds=90)


def planted(system: Deployed, owner: Customer, words: Mapping[str, str]) -> None:
    """A canary in each field of the content: records, files, old versions, an upload that waits, one that is open."""
    database, panel = owner.database, owner.panel
    owner.put(words["model"], words["key"], {words["field"]: words["value"]})
    batch = lines({words["batch key"]: {"a": words["batch value"]}})
    panel.call("POST", f"/databases/{database}/records/people", batch, expect=200, content_type="application/x-ndjson")
    owner.put("people", "deleted", {"a": words["deleted value"]})
    panel.call("DELETE", f"/databases/{database}/records/people/deleted", expect=204)
    path = f"{words['folder']}/{words['file']}.txt"
    for content in ("first content", "second content", "file content"):
        owner.put_file(path, words[content].encode(), f"text/{words['type']}")
    s3, bucket = system.client("s3", AMERICAS), f"perfectwork-content-{ACCOUNT}-{AMERICAS}"
    (key,) = system.objects("content", AMERICAS, database)
    s3.put_object(Bucket=bucket, Key=key, Body=words["doubled write"].encode())  # as an SDK's repetition leaves one
    s3.delete_object(Bucket=bucket, Key=f"{database}/0/marker")
    s3.create_multipart_upload(Bucket=bucket, Key=f"{database}/0/{words['open upload']}")
    owner.uploaded(words["upload content"].encode(), f"text/{words['upload type']}")
    asked = {"database_id": database, "bytes": 9_000_000, "content_type": "text/plain"}
    parts = panel.call("POST", "/uploads", asked, expect=201).json()["parts"]
    panel.put_part(parts[0]["url"], words["part"].encode())


@pytest.fixture(scope="module")
def destroyed(system: Deployed) -> Destroyed:
    owner = system.customer("US")
    names = (
        "model", "key", "field", "value", "batch key", "batch value", "deleted value", "folder", "file", "type",
        "first content", "second content", "file content", "doubled write", "open upload", "upload content",
        "upload type", "part",
    )  # fmt: skip
    words = {name: canary() for name in names}
    planted(system, owner, words)
    owner.export()
    backup = backed_up(system, owner, owner.database)
    opener = Opener(system, owner.database)
    roots = opener.roots()
    before, opened_before = system.everything(), opener.opened(roots)
    kept = {}
    for region in (AMERICAS, ASIA):
        (key,) = set(system.objects("backup", region, owner.database))
        name = {"Bucket": f"perfectwork-backup-{ACCOUNT}-{region}", "Key": key}
        kept[region] = system.client("s3", region).get_object(**name)["Body"].read()
    told = owner.destroyed()
    return Destroyed(owner, words, before, opened_before, roots, kept, backup["backup_id"], told, system.everything())


def test_before_its_deletion_the_same_search_finds_every_canary_that_is_left(destroyed: Destroyed) -> None:
    """Else it could not be believed afterwards. Replaced and deleted content is gone already."""
    gone = {"first content", "second content", "deleted value", "part"}  # a part cannot be read back from S3
    seen = [*destroyed.before, *destroyed.opened_before]
    lost = {name for name, word in destroyed.words.items() if not found(seen, [word])}
    assert lost == gone
    sealed = {place.where.split(" object ")[0] for place in destroyed.opened_before}
    assert {
        f"{AMERICAS} table perfectwork-content",
        f"bucket perfectwork-backup-{ACCOUNT}-{AMERICAS}",
        f"bucket perfectwork-backup-{ACCOUNT}-{ASIA}",
    } <= sealed
    assert set(destroyed.roots) == {AMERICAS, ASIA}
    assert len(set(destroyed.roots.values())) == 1


@pytest.mark.promise("databases.backups")
def test_a_backup_shows_nothing_in_plain_and_is_the_same_in_both_regions(destroyed: Destroyed) -> None:
    assert destroyed.backups[AMERICAS] == destroyed.backups[ASIA]
    ours = ("perfectwork-backup", destroyed.customer.database)
    backups = [place for place in destroyed.before if all(name in place.where for name in ours)]
    assert len(backups) == 2
    assert not found(backups, list(destroyed.words.values()))


def test_after_it_no_canary_is_anywhere_in_plain(destroyed: Destroyed) -> None:
    assert found(destroyed.after, list(destroyed.words.values())) == []


def test_after_it_nothing_opens_that_the_engine_holds_even_for_who_kept_the_data_key(
    system: Deployed, destroyed: Destroyed
) -> None:
    opener = Opener(system, destroyed.customer.database)
    assert opener.roots() == {}
    assert opener.opened(destroyed.roots) == []


def test_after_it_its_id_is_known_by_tombstone_journal_and_fences_alone(destroyed: Destroyed) -> None:
    where = set(found(destroyed.after, [destroyed.customer.database]))
    assert where <= LEFT_BEHIND


def test_its_progress_names_every_store_of_both_regions(destroyed: Destroyed) -> None:
    stores = {(entry["store"], entry["region"]) for entry in destroyed.told["stores"]}
    assert {store for store, _ in stores} == STORES
    assert {store for store, region in stores if region == "americas"} == STORES - AT_HOME
    removed = {(entry["store"], entry["region"]): entry["removed"] for entry in destroyed.told["stores"]}
    assert removed["records", "americas"] == 2
    assert removed["files", "americas"] >= 4  # the file, the doubled write, the marker, the open upload
    assert removed["backups", "americas"] >= 1
    assert removed["backups", "asia"] >= 1
    assert removed["records", "asia"] == 0


def verified(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local", "verify-certificate", str(path), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # our own


def test_its_certificate_is_true_and_can_be_checked_by_anybody(
    system: Deployed, destroyed: Destroyed, tmp_path: Path
) -> None:
    route = f"/databases/{destroyed.customer.database}/certificate"
    answer = destroyed.customer.panel.call("GET", route, expect=200)
    certificate = answer.json()
    assert certificate["name"] is None
    assert certificate["database_id"] == destroyed.customer.database
    removed = {(entry["store"], entry["region"]): entry["removed"] for entry in destroyed.told["stores"]}
    assert {(entry["store"], entry["region"]): entry["removed"] for entry in certificate["stores"]} == removed
    for entry in certificate["stores"]:
        assert len(entry["checks"]) >= 2
        assert all(check["left"] == 0 and check["method"] and check["at"] for check in entry["checks"])
    assert {entry["region"] for entry in certificate["keys"]} == {"americas", "asia"}
    assert certificate["unreachable"]
    assert all(entry["what"] and entry["why"] for entry in certificate["unreachable"])
    path = tmp_path / "certificate.json"
    path.write_bytes(answer.content)
    key = tmp_path / "key.pem"
    published = system.panel().call("GET", "/certificates/key", expect=200).json()
    key.write_text(published["public_key"])
    told = verified(path, "--key", str(key))
    assert told.returncode == 0, told.stderr + told.stdout
    assert published["fingerprint"] in told.stdout


@pytest.mark.parametrize("field", ["destroyed_at", "stores", "unreachable", "sequence", "signature"])
def test_a_forged_certificate_is_told_to_be_one(destroyed: Destroyed, tmp_path: Path, field: str) -> None:
    route = f"/databases/{destroyed.customer.database}/certificate"
    certificate = destroyed.customer.panel.call("GET", route, expect=200).json()
    if field == "signature":
        certificate["signature"]["value"] = certificate["signature"]["value"][::-1]
    else:
        forged: dict[str, Any] = {"destroyed_at": "2020-01-01T00:00:00Z", "sequence": 1_000_000}
        certificate[field] = forged.get(field, [])
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(certificate))
    told = verified(path)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr + told.stdout


def test_yesterday_s_backup_stays_closed_though_it_comes_back_from_elsewhere(
    system: Deployed, destroyed: Destroyed
) -> None:
    """As from a copy of the bucket that nobody knew of: it is put back, and a restore is asked for."""
    database = destroyed.customer.database
    key = f"{database}/{destroyed.backup_id}.sealed"
    for region, sealed in destroyed.backups.items():
        system.client("s3", region).put_object(Bucket=f"perfectwork-backup-{ACCOUNT}-{region}", Key=key, Body=sealed)
    try:
        asked = {"database_id": database, "backup_id": destroyed.backup_id}
        answer = system.invoke("database_restore", asked)
        assert "destroyed" in answer.payload["error"]
        for queue in ("restore", "backup"):
            send(system, queue, AMERICAS, {"database_id": database, "job_id": "job_" + "a" * 26})
        opener = Opener(system, database)
        assert opener.roots() == {}
        assert opener.opened(opener.roots()) == []
        destroyed.customer.panel.call("GET", f"/databases/{database}/backups", expect=410)
        assert not found(system.everything(), list(destroyed.words.values()))
    finally:
        for region in destroyed.backups:
            s3, bucket = system.client("s3", region), f"perfectwork-backup-{ACCOUNT}-{region}"
            for version in s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", []):
                s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])


def send(system: Deployed, queue: str, region: str, ids: Mapping[str, str]) -> None:
    sqs = system.client("sqs", region)
    url = sqs.get_queue_url(QueueName=f"perfectwork-{queue}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(ids))


def test_late_and_repeated_messages_bring_nothing_back(system: Deployed, destroyed: Destroyed) -> None:
    database = destroyed.customer.database
    body = database.removeprefix("db_")
    job, export = "job_" + "b" * 26, f"exp_{body}{'b' * 26}"
    for region in (AMERICAS, ASIA):
        for step in ("start", "verify"):
            send(system, "deletion", region, {"database_id": database, "step": step})
        for queue in ("import", "move", "restore"):
            send(system, queue, region, {"database_id": database, "job_id": job})
        send(system, "backup", region, {"database_id": database, "job_id": f"bak_{body}{'b' * 26}"})
        send(system, "export", region, {"database_id": database, "export_id": export})

    def empty() -> bool:
        return not any(" queue " in place.where for place in system.everything())

    waited_for(empty, "end of the messages", seconds=60)
    system.sweep("database_expiry")
    where = set(found(system.everything(), [database], but_in=[" log "]))
    assert where <= LEFT_BEHIND
    route = f"/databases/{database}"
    assert destroyed.customer.panel.call("GET", route, expect=200).json()["name"] is None
    destroyed.customer.panel.call("PUT", f"{route}/records/a/b", {}, expect=410)
    destroyed.customer.panel.call("PUT", file_route(database, "a"), b"late", expect=410, content_type="text/plain")


# --- in the way of others ------------------------------------------------------------------------------------------


def busy(system: Deployed, owner: Customer, what: str) -> None:
    """Begin some work on a database and do not wait for it."""
    panel, route = owner.panel, f"/databases/{owner.database}"
    if what == "export":
        panel.call("POST", f"{route}/exports", expect=202)
    elif what == "move":
        panel.call("POST", f"{route}/region", {"region": "americas"}, expect=202)
    elif what == "backup":
        system.sweep("database_expiry")
    else:
        export_id, _ = owner.export()
        into = panel.call("POST", "/databases", {"name": "second", "country": "SG"}, expect=201).json()["id"]
        panel.call("POST", f"/databases/{into}/import", {"export_id": export_id}, expect=202)
        owner.database = into


@pytest.mark.parametrize("what", ["export", "import", "move", "backup"])
def test_a_deletion_wins_over_what_is_under_way_and_leaves_nothing_of_either(system: Deployed, what: str) -> None:
    owner, word = system.customer("SG"), canary()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: owner.put_file(f"{number}.txt", word.encode() * 1000), range(20)))
    busy(system, owner, what)
    told = owner.destroyed()
    assert told["name"] is None

    def settled() -> bool:
        return not any(" queue " in place.where for place in system.everything())

    waited_for(settled, f"end of the {what}", seconds=90)
    where = set(found(system.everything(), [owner.database], but_in=[" log "]))
    assert where <= LEFT_BEHIND
    certificate = owner.panel.call("GET", f"/databases/{owner.database}/certificate", expect=200).json()
    assert {entry["region"] for entry in certificate["stores"]} == {"americas", "asia"}


def test_two_deletions_at_once_are_one(system: Deployed) -> None:
    owner = system.customer("SG")
    owner.put("a", "b", {})
    route = f"/databases/{owner.database}"
    name = owner.panel.call("GET", route, expect=200).json()["name"]

    def ask(_: int) -> int:
        panel = system.panel(owner.panel.cookie)
        return panel.call("POST", f"{route}/deletion", {"confirm": name}, expect=(202, 409, 410)).status

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert 202 in answers
    told = owner.followed(f"{route}/deletion", "destroyed")
    assert sum(entry["removed"] for entry in told["stores"] if entry["store"] == "records") == 1


def test_a_wrapped_key_of_another_database_opens_nothing_and_changes_nothing(system: Deployed) -> None:
    one, other = system.customer("SG"), system.customer("SG")
    dynamodb, table = system.client("dynamodb", ASIA), "perfectwork-keys"
    own, foreign = (
        dynamodb.get_item(TableName=table, Key={"database_id": {"S": customer.database}})["Item"]
        for customer in (one, other)
    )
    dynamodb.put_item(TableName=table, Item=own | {"wrapped": foreign["wrapped"]})
    route, word = f"/databases/{one.database}", canary()
    try:
        for answer in (
            one.panel.call("PUT", f"{route}/records/a/b", {"c": word}, expect=503),
            one.panel.call(
                "POST", f"{route}/records/a", lines({"b": {"c": word}}), expect=503, content_type="application/x-ndjson"
            ),
            one.panel.call("PUT", file_route(one.database, "a"), word.encode(), expect=503, content_type="text/plain"),
        ):
            assert_problem(answer, 503, sent=[word])
    finally:
        dynamodb.put_item(TableName=table, Item=own)
    assert found(system.everything(), [word]) == []
    assert (one.records("a"), one.files()) == ({}, {})
    one.put("a", "b", {})


# --- at its size ---------------------------------------------------------------------------------------------------

RECORDS, FILES, VERSIONS = (20_000, 1_000, 3) if os.environ.get("SIM_SEEDS") else (2_000, 100, 3)
"""`make prove` takes the large database, `make test` one that shows the same."""

MEMORY_MB = 48
"""What a deletion of any size may take beyond that of an empty database: a batch of 1,000 things in each of a few
segments, and what Python's allocator keeps."""


def peak_mb(function: str) -> float:
    """The most memory that a function's processes on this machine have had, from Linux (proc(5), VmHWM)."""
    peaks = [0.0]
    for process in Path("/proc").iterdir():
        try:
            if f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() not in (process / "environ").read_bytes():
                continue
            status = (process / "status").read_text()
        except (OSError, ValueError):
            continue
        peaks += [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")]
    return max(peaks)


def test_a_large_database_is_destroyed_in_flat_memory(system: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    owner = system.customer("SG")
    small = owner.panel.call("POST", "/databases", {"name": "small", "country": "SG"}, expect=201).json()["id"]
    owner.destroyed(small)
    flat = peak_mb("perfectwork-database-deletion")
    step = 1_000
    for start in range(0, RECORDS, step):
        batch = lines({f"key-{number}": {"number": number} for number in range(start, start + step)})
        owner.panel.call(
            "POST",
            f"/databases/{owner.database}/records/people",
            batch,
            expect=200,
            content_type="application/x-ndjson",
        )
    s3, bucket = system.client("s3", ASIA), f"perfectwork-content-{ACCOUNT}-{ASIA}"

    def put(number: int) -> None:
        for version in range(VERSIONS):
            s3.put_object(Bucket=bucket, Key=f"{owner.database}/{f'{number:032x}'[::-1]}/object", Body=b"%d" % version)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(FILES)))
    began = time.monotonic()
    route = f"/databases/{owner.database}"
    name = owner.panel.call("GET", route, expect=200).json()["name"]
    owner.panel.call("POST", f"{route}/deletion", {"confirm": name}, expect=202)

    def over() -> dict[str, Any] | None:
        told: dict[str, Any] = owner.panel.call("GET", f"{route}/deletion", expect=200).json()
        return told if told["status"] == "destroyed" else None

    told = waited_for(over, "end of the deletion", seconds=600)
    seconds = time.monotonic() - began
    removed = {(entry["store"], entry["region"]): entry["removed"] for entry in told["stores"]}
    assert removed["records", "asia"] == RECORDS
    assert removed["files", "asia"] == FILES * VERSIONS
    assert system.content(owner.database, ASIA) == []
    assert system.objects("content", ASIA, owner.database) == []
    taken = peak_mb("perfectwork-database-deletion") - flat
    with capsys.disabled():
        things = RECORDS + FILES * VERSIONS
        sys.stderr.write(f"\n{things} things destroyed in {seconds:.0f} s, {taken:.0f} MB more than for none\n")
    if flat:
        assert taken < MEMORY_MB
