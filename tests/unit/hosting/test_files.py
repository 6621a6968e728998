"""Files: whole or not at all, whoever else writes and wherever a worker dies."""

import hashlib
from typing import Any

import pytest

from privacy.hosting import Host
from privacy.hosting.files import File, Files
from privacy.hosting.leftovers import GRACE, Leftovers
from privacy.models.paging import CursorError
from privacy.tables.deletions import Deletions
from privacy.tables.store import StoreBusyError
from privacy.vault.keys import KeyDestroyedError
from privacy.vault.sealing import SealBrokenError
from tests.unit.engine import NOON, SetClock, items
from tests.unit.interference import KilledError, killed_at, once_before, recorded

PATH = "Berichte/2026 – größte.pdf"


@pytest.fixture
def files(host: Host, database_id: str) -> Files:
    return Files(host, database_id)


def objects(files: Files) -> dict[str, list[str]]:
    """Every version in the bucket, by key, from the engine."""
    answer = files.host.s3.list_object_versions(Bucket=files.host.content_bucket)
    found: dict[str, list[str]] = {}
    for entry in answer.get("Versions", []) + answer.get("DeleteMarkers", []):
        found.setdefault(entry["Key"], []).append(entry["VersionId"])
    return found


def named(files: Files) -> dict[str, list[str]]:
    """What the rows name."""
    return {file.key: [file.version] for _, file in files.every()}


def content_of(files: Files, path: str = PATH) -> bytes | None:
    found = files.read(path, at_most=1000)
    return found[1] if found else None


def swept(files: Files, clock: SetClock) -> list[bool]:
    """What the sweep removes an hour later."""
    clock.now += GRACE
    leftovers = Leftovers(files.host)
    return [leftovers.sweep(note) for note, _ in leftovers.due(clock())]


@pytest.mark.promise("databases.ownership")
def test_a_file_is_given_back_byte_for_byte_with_its_type_and_digest(files: Files) -> None:
    content = bytes(range(256))
    put = files.put(PATH, "application/pdf", content, NOON)
    assert files.get(PATH) == put
    assert content_of(files) == content
    assert (put.bytes, put.sha256) == (256, hashlib.sha256(content).hexdigest())
    assert put.content_type == "application/pdf"


def test_an_empty_file_is_a_file(files: Files) -> None:
    files.put(PATH, "text/plain", b"", NOON)
    assert content_of(files) == b""


def test_a_replaced_file_leaves_no_bytes_behind(files: Files) -> None:
    for content in (b"one", b"two", b"three"):
        files.put(PATH, "text/plain", content, NOON)
    assert content_of(files) == b"three"
    assert objects(files) == named(files)
    assert len(objects(files)) == 1


@pytest.mark.promise("databases.ownership")
def test_a_deleted_file_leaves_no_row_and_no_version(files: Files, ledger: Deletions) -> None:
    files.put(PATH, "text/plain", b"content", NOON)
    assert files.delete(PATH, ledger, NOON)
    assert not files.delete(PATH, ledger, NOON)
    assert content_of(files) is None
    assert objects(files) == {}
    assert items("content", files.host.aws_region) == []


def test_neither_path_nor_type_nor_digest_is_in_plain_in_the_stores(files: Files) -> None:
    put = files.put("canary/path.txt", "text/x-canary", b"canary", NOON)
    rows = repr(items("content", files.host.aws_region)) + repr(objects(files))
    assert not any(text in rows for text in ("canary", "path.txt", put.sha256))
    head = files.host.s3.head_object(Bucket=files.host.content_bucket, Key=put.key, VersionId=put.version)
    assert "canary" not in repr(head)


def test_a_row_opens_in_its_own_place_only(files: Files) -> None:
    files.put("a", "text/plain", b"a", NOON)
    files.put("b", "text/plain", b"b", NOON)
    table = files.host.content
    one, other = (item for item in items("content", files.host.aws_region) if item["id"].startswith("f#"))
    table.put(one | {"sealed": other["sealed"]})
    with pytest.raises(SealBrokenError):
        list(files.every())


@pytest.mark.parametrize("death", range(9))
def test_a_writer_that_dies_at_any_call_leaves_the_old_file_or_the_new_one_and_no_bytes_after_the_sweep(
    files: Files, clock: SetClock, death: int
) -> None:
    files.put(PATH, "text/plain", b"old", clock())
    with killed_at(death) as made:
        try:
            files.put(PATH, "text/plain", b"new", clock())
        except KilledError:
            pass
        else:
            assert death >= len(made)
    assert content_of(files) in (b"old", b"new")
    swept(files, clock)
    assert content_of(files) in (b"old", b"new")
    assert objects(files) == named(files)
    assert all(item["id"].startswith("f#") for item in items("content", files.host.aws_region))


@pytest.mark.parametrize("death", range(7))
def test_a_deletion_that_dies_at_any_call_leaves_a_whole_file_or_none_and_no_bytes_after_the_sweep(
    files: Files, clock: SetClock, death: int, ledger: Deletions
) -> None:
    files.put(PATH, "text/plain", b"old", clock())
    with killed_at(death) as made:
        try:
            files.delete(PATH, ledger, clock())
        except KilledError:
            pass
        else:
            assert death >= len(made)
    assert content_of(files) in (b"old", None)
    swept(files, clock)
    assert objects(files) == named(files)


def test_the_sweep_leaves_a_writer_alone_until_no_worker_can_be_alive(files: Files, clock: SetClock) -> None:
    with killed_at(3), pytest.raises(KilledError):
        files.put(PATH, "text/plain", b"new", clock())
    clock.now = NOON + GRACE
    clock.advance(seconds=-1)
    assert list(Leftovers(files.host).due(clock())) == []
    clock.advance(seconds=1)
    assert [over for _, over in Leftovers(files.host).due(clock())] == [NOON + GRACE]


def test_a_writer_that_the_sweep_overtook_does_not_make_a_file_without_bytes(files: Files, clock: SetClock) -> None:
    with (
        once_before("dynamodb.TransactWriteItems", lambda: swept(files, clock)),
        pytest.raises(StoreBusyError),
    ):
        files.put(PATH, "text/plain", b"new", NOON)
    assert files.get(PATH) is None
    assert objects(files) == {}


def test_a_writer_that_lives_on_while_the_sweep_is_at_work_makes_no_file(files: Files) -> None:
    """The sweep has taken the note, and perhaps removed the object, but not the note yet."""

    def take() -> None:
        (note,) = (item for item in items("content", files.host.aws_region) if item["place"].startswith("leftover#"))
        files.host.content.put(note | {"taken": True})

    with once_before("dynamodb.TransactWriteItems", take), pytest.raises(StoreBusyError):
        files.put(PATH, "text/plain", b"new", NOON)
    assert files.get(PATH) is None
    assert objects(files) == {}


def test_a_note_that_is_gone_already_is_not_counted(files: Files) -> None:
    assert Leftovers(files.host).sweep("000000000000#db_a/b/c") is False


def test_two_writers_of_one_path_do_not_mix_and_leave_one_object(files: Files) -> None:
    other = Files(files.host, files.database_id)
    with once_before("dynamodb.TransactWriteItems", lambda: other.put(PATH, "b/b", b"other", NOON)):
        files.put(PATH, "a/a", b"mine", NOON)
    file = files.get(PATH)
    assert file is not None
    assert (content_of(files), file.content_type) == (b"mine", "a/a")
    assert objects(files) == named(files)


def test_a_writer_that_meets_a_deletion_of_the_same_path_stays(files: Files, ledger: Deletions) -> None:
    files.put(PATH, "a/a", b"old", NOON)
    with once_before("dynamodb.TransactWriteItems", lambda: files.delete(PATH, ledger, NOON)):
        files.put(PATH, "a/a", b"new", NOON)
    assert content_of(files) == b"new"
    assert objects(files) == named(files)


def test_a_reader_of_a_file_that_is_replaced_meanwhile_gets_the_new_one(files: Files) -> None:
    files.put(PATH, "a/a", b"old", NOON)
    with once_before("s3.GetObject", lambda: files.put(PATH, "a/a", b"new", NOON)):
        found = files.read(PATH, at_most=100)
    assert found is not None
    assert found[1] == b"new"


@pytest.mark.promise("databases.destroyed")
def test_a_write_that_a_destruction_overtakes_is_refused_and_leaves_nothing(files: Files) -> None:
    files.put("other", "a/a", b"other", NOON)
    destroy = lambda: files.host.keyring.keys.destroy(files.database_id, NOON)  # noqa: E731
    with once_before("dynamodb.TransactWriteItems", destroy), pytest.raises(KeyDestroyedError):
        files.put(PATH, "a/a", b"late", NOON)
    assert len(objects(files)) == 1
    assert not [item for item in items("content", files.host.aws_region) if item["place"].startswith("leftover")]


@pytest.mark.promise("databases.destroyed")
def test_with_the_key_gone_no_file_can_be_read_written_or_deleted(
    files: Files, database_id: str, ledger: Deletions
) -> None:
    files.put(PATH, "a/a", b"content", NOON)
    files.host.keyring.destroy(database_id, NOON)
    for work in (
        lambda: files.get(PATH),
        lambda: files.put(PATH, "a/a", b"late", NOON),
        lambda: files.delete(PATH, ledger, NOON),
        lambda: list(files.every()),
        lambda: files.page(limit=10),
    ):
        with pytest.raises(KeyDestroyedError):
            work()


def test_pages_give_every_file_once_and_end_without_a_cursor(files: Files) -> None:
    paths = {f"folder/{number}" for number in range(45)}
    for path in paths:
        files.put(path, "a/a", path.encode(), NOON)
    seen: list[File] = []
    cursor: str | None = None
    while True:
        page = files.page(limit=10, cursor=cursor)
        assert len(page.files) == 10 or page.cursor is None
        seen += page.files
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(file.path for file in seen) == sorted(paths)


def test_a_cursor_of_another_list_is_refused(files: Files, subtests: pytest.Subtests) -> None:
    cases: list[str] = ["", "x", "00", "00f#", "00r#" + "a" * 32, "00f#" + "a" * 2000, "zzf#" + "a" * 32]
    for cursor in cases:
        with subtests.test(cursor=cursor), pytest.raises(CursorError):
            files.page(limit=10, cursor=cursor)


def test_a_checked_upload_becomes_the_file_without_passing_through_the_worker(files: Files) -> None:
    bucket, key = files.host.transfer_bucket, f"staging/{files.database_id}/upl"
    files.host.s3.put_object(Bucket=bucket, Key=key, Body=b"large")
    files.put(PATH, "a/a", b"old", NOON)
    put = files.adopt(PATH, "image/png", {"Bucket": bucket, "Key": key}, 5, hashlib.sha256(b"large").hexdigest(), NOON)
    assert content_of(files) == b"large"
    assert files.get(PATH) == put
    assert objects(files) == named(files)


def test_what_a_job_is_told_of_a_file_is_sealed_and_opens_for_that_job_only(files: Files) -> None:
    sealed = files.sealed_name("job_a", PATH, "image/png")
    assert files.name("job_a", sealed) == (PATH, "image/png")
    assert PATH.encode() not in sealed
    with pytest.raises(SealBrokenError):
        files.name("job_b", sealed)


def test_the_number_of_calls_is_known(files: Files, ledger: Deletions) -> None:
    """Each is money and a round trip: a change here is a decision."""
    files.put("warm", "a/a", b"", NOON)

    def calls(work: Any) -> dict[str, int]:
        with recorded() as made:
            work()
        return dict(made)

    note, row, switch = "dynamodb.PutItem", "dynamodb.GetItem", "dynamodb.TransactWriteItems"
    new = {note: 1, "s3.PutObject": 1, row: 1, switch: 1}
    gone = {"s3.ListObjectVersions": 1, "s3.DeleteObject": 1, "dynamodb.DeleteItem": 1}
    assert calls(lambda: files.put(PATH, "a/a", b"one", NOON)) == new
    assert calls(lambda: files.put(PATH, "a/a", b"two", NOON)) == new | gone
    assert calls(lambda: files.read(PATH, at_most=10)) == {row: 1, "s3.GetObject": 1}
    assert calls(lambda: files.delete(PATH, ledger, NOON)) == {row: 2, "dynamodb.PutItem": 1, switch: 1} | gone
    assert calls(lambda: files.page(limit=10)) == {"dynamodb.Query": 16}
