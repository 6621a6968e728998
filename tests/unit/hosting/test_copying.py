"""A database between two hosts: what differs, what is brought, and what is found at the destination."""

from typing import Any

import pytest

from privacy import policy
from privacy.hosting import Host, copying, hosts, objects
from privacy.hosting.copying import CopyBrokenError, Copying, Pair
from privacy.hosting.files import Files
from privacy.hosting.records import Records, new_record
from privacy.hosting.transfers import export_key
from privacy.tables.deletions import Deletions
from privacy.tables.store import SHARDS, StoreBusyError
from tests.unit.engine import NAMES, NOON

pytestmark = pytest.mark.promise("databases.region")


@pytest.fixture
def other(host: Host) -> Host:
    return hosts(NAMES, policy.load())("asia")


@pytest.fixture
def both(host: Host, other: Host, database_id: str, monkeypatch: pytest.MonkeyPatch) -> Copying:
    monkeypatch.setattr(copying, "POOL", 1)  # moto and threads
    return Copying(host, other, database_id)


def records(host: Host, database_id: str, count: int) -> Records:
    made = Records(host, database_id)
    for number in range(count):
        made.put(new_record("contact", str(number), b'{"n":%d}' % number, NOON))
    return made


def everything(both: Copying) -> list[Pair]:
    return [pair for shard in SHARDS for chunk in both.chunks(shard) for pair in chunk]


def bring(both: Copying) -> int:
    return sum(both.bring([pair for pair in chunk if pair.differs]) for shard in SHARDS for chunk in both.chunks(shard))


def test_all_sixteen_shards_are_brought_and_then_nothing_differs(both: Copying, host: Host, other: Host) -> None:
    records(host, both.database_id, 100)
    assert len({pair.here["place"] for pair in everything(both) if pair.here}) == 16
    assert bring(both) == 0
    assert [pair for pair in everything(both) if pair.differs] == []
    assert len(everything(both)) == 100
    found = Records(other, both.database_id).get("contact", "7")
    assert found
    assert found.data == b'{"n":7}'


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_chunks_end_where_they_are_full_and_go_on_after_any_id(
    both: Copying, host: Host, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(copying, "CHUNK_ITEMS", at_once)
    records(host, both.database_id, 60)
    for shard in SHARDS:
        whole = [pair.id for chunk in both.chunks(shard) for pair in chunk]
        assert whole == sorted(whole)
        for chunk in both.chunks(shard):
            assert 1 <= len(chunk) <= at_once
            rest = [pair.id for after in both.chunks(shard, chunk[-1].id) for pair in after]
            assert rest == [item_id for item_id in whole if item_id > chunk[-1].id]


def test_a_chunk_ends_with_the_item_that_makes_it_large(
    both: Copying, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "CHUNK_BYTES", 1)
    records(host, both.database_id, 20)
    assert {len(chunk) for shard in SHARDS for chunk in both.chunks(shard)} == {1}
    monkeypatch.setattr(copying, "CHUNK_BYTES", 10**6)
    monkeypatch.setattr(copying, "CHUNK_FILES_BYTES", 5)
    for number in range(8):
        Files(host, both.database_id).put(f"{number}", "text/plain", b"12345", NOON)
    chunks = [chunk for shard in SHARDS for chunk in both.chunks(shard)]
    assert all(sum(pair.id.startswith("f#") for pair in chunk) <= 1 for chunk in chunks)


def test_what_was_changed_replaced_or_deleted_since_is_brought_again(
    both: Copying, host: Host, other: Host, ledger: Deletions
) -> None:
    made, files = records(host, both.database_id, 3), Files(host, both.database_id)
    for path in ("kept", "replaced", "gone"):
        files.put(path, "text/plain", path.encode(), NOON)
    bring(both)
    made.put(new_record("contact", "1", b'{"again":1}', NOON))
    made.delete("contact", "2", ledger, NOON)
    files.put("replaced", "text/plain", b"anew", NOON)
    files.delete("gone", ledger, NOON)
    assert len([pair for pair in everything(both) if pair.differs]) == 4
    assert bring(both) == 0
    assert [pair for pair in everything(both) if pair.differs] == []
    there = Files(other, both.database_id)
    assert {path: file[1] for path in ("kept", "replaced", "gone") if (file := there.read(path, at_most=99))} == {
        "kept": b"kept",
        "replaced": b"anew",
    }
    strays = [placed for placed in both.objects() if placed.strays]
    assert len(strays) == 2  # the replaced one and the deleted one
    for placed in strays:
        both.put_right(placed)
    assert [placed for placed in both.objects() if placed.strays or placed.is_missing] == []


def test_objects_go_on_after_any_key_and_name_what_is_missing_or_nobody_s(
    both: Copying, host: Host, other: Host
) -> None:
    files = Files(host, both.database_id)
    for number in range(6):
        files.put(str(number), "text/plain", b"x", NOON)
    bring(both)
    keys = [placed.key for placed in both.objects()]
    assert len(keys) == 6
    missing, doubled = keys[1], keys[3]
    (version,) = next(placed.found for placed in both.objects() if placed.key == missing)
    other.s3.delete_object(Bucket=other.content_bucket, Key=missing, VersionId=version)
    other.s3.put_object(Bucket=other.content_bucket, Key=doubled, Body=b"a repeated call")
    other.s3.put_object(Bucket=other.content_bucket, Key=f"{keys[0]}0", Body=b"nobody's")
    other.s3.delete_object(Bucket=other.content_bucket, Key=keys[5])  # a marker
    wrong = [(placed.key, placed.is_missing, len(placed.strays)) for placed in both.objects()]
    assert [entry for entry in wrong if entry[1] or entry[2]] == [
        (f"{keys[0]}0", False, 1),
        (missing, True, 0),
        (doubled, False, 1),
        (keys[5], False, 1),
    ]
    every = [placed.key for placed in both.objects()]
    for key in every:
        assert [placed.key for placed in both.objects(key)] == [each for each in every if each > key]
    for placed in list(both.objects()):
        both.put_right(placed)
    assert bring(both) == 0
    assert [placed for placed in both.objects() if placed.strays or placed.is_missing] == []
    assert [placed.key for placed in both.objects()] == keys


def test_a_file_that_is_replaced_while_it_is_brought_is_passed_over(
    both: Copying, host: Host, ledger: Deletions
) -> None:
    files = Files(host, both.database_id)
    files.put("a", "text/plain", b"x", NOON)
    (pair,) = everything(both)
    files.delete("a", ledger, NOON)
    assert both.bring([pair]) == 1
    assert everything(both) == []


def test_bytes_that_are_not_those_of_the_digest_are_not_brought(both: Copying, host: Host, other: Host) -> None:
    file = Files(host, both.database_id).put("a", "text/plain", b"right", NOON)
    answer = host.s3.put_object(Bucket=host.content_bucket, Key=file.key, Body=b"wrong")
    (pair,) = everything(both)
    assert pair.here
    with pytest.raises(CopyBrokenError):
        both.bring([Pair(pair.id, pair.here | {"version": answer["VersionId"]}, None)])
    assert Files(other, both.database_id).get("a") is None


BODY = bytes(range(256)) * 60_000
"""15 MB: three parts of the 5 MB that moto wants at least."""


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("in_parts", [True, False])
def test_what_is_passing_through_is_copied_whole_and_read_back(
    both: Copying, host: Host, other: Host, monkeypatch: pytest.MonkeyPatch, known: bool, in_parts: bool
) -> None:
    import hashlib

    if in_parts:
        monkeypatch.setattr(copying, "COPY_BYTES", len(BODY) - 1)
        monkeypatch.setattr(objects, "PART_BYTES", 6_000_000)
    key = export_key(both.database_id, "exp_1")
    assert both.bring_transfer(key, None) is False
    assert both.is_transferred(key)  # there is nothing on either side
    host.s3.put_object(Bucket=host.transfer_bucket, Key=key, Body=BODY)
    assert not both.is_transferred(key)
    assert both.bring_transfer(key, hashlib.sha256(BODY).hexdigest() if known else None)
    assert both.is_transferred(key)
    assert list(both.transferred()) == [key]
    assert other.s3.get_object(Bucket=other.transfer_bucket, Key=key)["Body"].read() == BODY
    with pytest.raises(CopyBrokenError):
        both.bring_transfer(key, "0" * 64)


def test_a_copy_in_parts_that_fails_leaves_no_open_upload(
    both: Copying, host: Host, other: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "COPY_BYTES", 3)
    key = export_key(both.database_id, "exp_1")
    host.s3.put_object(Bucket=host.transfer_bucket, Key=key, Body=b"film")

    def fails(**_: Any) -> None:
        raise StoreBusyError

    monkeypatch.setattr(other.s3, "upload_part_copy", fails)
    with pytest.raises(StoreBusyError):
        both.bring_transfer(key, None)
    assert "Uploads" not in other.s3.list_multipart_uploads(Bucket=other.transfer_bucket)


def test_reading_back_a_large_object_ends_when_time_is_up(host: Host, other: Host, database_id: str) -> None:
    class LateError(Exception):
        pass

    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            raise LateError

    both = Copying(host, other, database_id, look)
    key = export_key(database_id, "exp_1")
    host.s3.put_object(Bucket=host.transfer_bucket, Key=key, Body=BODY)
    with pytest.raises(LateError):
        both.bring_transfer(key, None)
