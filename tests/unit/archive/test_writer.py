"""The ZIP itself: what standard tools make of it, its manifest, its limits."""

import hashlib
import io
import json
import shutil
import subprocess
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from privacy.archive.errors import (
    ArchiveStateError,
    CorruptMemberError,
    DuplicateMemberError,
    UnsafePathError,
)
from privacy.archive.multipart import MultipartStream
from privacy.archive.reader import ArchiveReader
from privacy.archive.writer import ArchiveWriter

from .fakes import BUCKET, KEY, NOW, SCRATCH, DiscardingStore, FileSink, MemorySink
from .samples import MOVIES, PICTURE, finish, sample

UNZIP = shutil.which("unzip")
needs_unzip = pytest.mark.skipif(UNZIP is None, reason="unzip is not installed")


def opened(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


def unzip_test(path: Path) -> None:
    assert UNZIP is not None
    subprocess.run([UNZIP, "-tqq", path], check=True, capture_output=True, timeout=60)  # noqa: S603


@pytest.mark.promise("databases.export")
def test_the_manifest_lists_every_member_but_itself_with_its_facts() -> None:
    archive = opened(sample())
    manifest = json.loads(archive.read("manifest.json"))
    assert {name: value for name, value in manifest.items() if name != "members"} == {
        "format": "perfectwork-export/1",
        "database": "Films",
        "created_at": "2024-05-01T10:30:07Z",
        "policy_version": "2024-01-01",
    }
    rows = {row["path"]: row for row in manifest["members"]}
    assert [*rows, "manifest.json"] == archive.namelist()
    for path, row in rows.items():
        content = archive.read(path)
        assert (row["bytes"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert rows["records/movies.jsonl"]["records"] == 3
    assert rows["records/movies.jsonl"]["model"] == "movies"
    assert rows["files/a/été.png"]["type"] == "image/png"
    assert "records" not in rows["files/a/été.png"]


@pytest.mark.promise("databases.export")
def test_records_are_lines_and_files_are_byte_for_byte() -> None:
    archive = opened(sample())
    assert archive.testzip() is None
    assert archive.read("records/movies.jsonl").splitlines() == MOVIES
    assert archive.read("files/a/été.png") == PICTURE
    assert archive.read("files/empty.txt") == b""
    assert b"manifest.json" in archive.read("README.txt")


@needs_unzip
@pytest.mark.promise("databases.export")
def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(sample())
    unzip_test(path)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert sample() == sample()


def test_what_is_compressed_already_is_not_compressed_again() -> None:
    archive = opened(sample())
    picture, records = archive.getinfo("files/a/été.png"), archive.getinfo("records/movies.jsonl")
    assert picture.file_size <= picture.compress_size <= picture.file_size + 64
    assert records.compress_size < records.file_size


def test_zip64_is_used_only_where_the_size_may_need_it() -> None:
    data = sample()
    for info in opened(data).infolist():
        extra = int.from_bytes(data[info.header_offset + 28 : info.header_offset + 30], "little")
        assert extra == (20 if info.filename == "files/a/été.png" else 0)  # the one written without its size


@pytest.mark.parametrize(
    ("modified", "kept"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(1979, 12, 31, 23, 59, 59, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(1980, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2024, 2, 29, 1, 2, 3, tzinfo=timezone(timedelta(hours=8))), (2024, 2, 28, 17, 2, 2)),
        (datetime(2107, 12, 31, 23, 59, 59, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
        (datetime(2108, 1, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_times_are_kept_in_utc_within_what_the_format_knows(modified: datetime, kept: tuple[int, ...]) -> None:
    sink = MemorySink()
    with ArchiveWriter(sink) as writer:
        with writer.member("files/a", modified=modified, compress=True) as output:
            output.write(b"a")
        finish(writer)
    assert opened(bytes(sink.data)).getinfo("files/a").date_time == kept


@pytest.mark.parametrize("path", ["", "/etc/passwd", "files/../x", "files//x", "files/./x", "a\\b", "a\0b", "C:/x"])
def test_an_unsafe_path_is_refused_and_nothing_is_written(path: str) -> None:
    sink = MemorySink()
    with ArchiveWriter(sink) as writer:
        with pytest.raises(UnsafePathError) as caught:
            writer.begin(path, modified=NOW, compress=True)
        assert not sink.data
        assert path == "" or path not in str(caught.value)
        finish(writer)


def test_a_path_is_used_once() -> None:
    with ArchiveWriter(MemorySink()) as writer:
        with writer.member("files/a", modified=NOW, compress=True):
            pass
        with pytest.raises(DuplicateMemberError):
            writer.begin("files/a", modified=NOW, compress=True)


@pytest.mark.parametrize("written", [b"12", b"1234"])
def test_a_file_that_changed_its_size_meanwhile_is_an_error(written: bytes) -> None:
    sink = MemorySink()
    with ArchiveWriter(sink) as writer:
        with (
            pytest.raises(CorruptMemberError),
            writer.member("files/a", modified=NOW, compress=True, size=3) as output,
        ):
            output.write(written)
        with pytest.raises(ArchiveStateError):
            writer.state()


def test_inside_a_member_there_is_no_checkpoint() -> None:
    with ArchiveWriter(MemorySink()) as writer:
        output = writer.begin("files/a", modified=NOW, compress=True)
        with pytest.raises(ArchiveStateError):
            writer.state()
        with pytest.raises(ArchiveStateError):
            writer.begin("files/b", modified=NOW, compress=True)
        output.close()
        assert json.loads(json.dumps(writer.state()))["members"][0][0] == "files/a"


def test_an_abandoned_writer_writes_nothing_more() -> None:
    sink = MemorySink()
    writer = ArchiveWriter(sink)
    output = writer.begin("files/a", modified=NOW, compress=True)
    output.write(b"a")
    length = len(sink.data)
    writer.abandon()
    del writer, output  # zipfile writes when it is closed, at the latest here
    assert len(sink.data) == length


def test_an_exception_inside_a_member_abandons_the_archive() -> None:
    class StoppedError(Exception):
        pass

    def interrupted(writer: ArchiveWriter) -> None:
        with writer.member("files/a", modified=NOW, compress=True) as output:
            output.write(b"a")
            raise StoppedError

    with ArchiveWriter(MemorySink()) as writer:
        with pytest.raises(StoppedError):
            interrupted(writer)
        with pytest.raises(ArchiveStateError):
            writer.state()


def test_a_state_of_another_stream_is_refused() -> None:
    with ArchiveWriter(MemorySink()) as writer:
        with writer.member("files/a", modified=NOW, compress=True):
            pass
        state = writer.state()
    with pytest.raises(ArchiveStateError):
        ArchiveWriter.resume(MemorySink(), state)


@needs_unzip
def test_beyond_four_gigabytes_and_of_unknown_size_members_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with ArchiveWriter(FileSink(path)) as writer:
        with writer.member("files/first", modified=NOW, compress=True) as output:
            output.write(b"first")
        state = writer.state()
    state["stream"]["offset"] = far = 5 * 1024**3 + 7
    with ArchiveWriter.resume(FileSink(path, far), state) as writer:
        with writer.member("files/far", modified=NOW, compress=False) as output:
            output.write(PICTURE)
        with writer.member("files/known", modified=NOW, compress=False, size=5) as output:
            output.write(b"known")
        finish(writer)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("files/far").header_offset == far
        assert archive.read("files/far") == PICTURE
        assert archive.testzip() is None
    with path.open("rb") as file:
        assert ArchiveReader(file).verify().files == 3
    unzip_test(path)


@needs_unzip
def test_more_members_than_sixteen_bits_count(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with ArchiveWriter(FileSink(path)) as writer:
        for number in range(65_600):
            writer.begin(f"files/{number}", modified=NOW, compress=False, size=0).close()
            if number == 40_000:
                state = writer.state()
                writer.abandon()
                writer = ArchiveWriter.resume(FileSink(path, state["stream"]["offset"]), state)
        finish(writer)
    with path.open("rb") as file:
        assert len(ArchiveReader(file).members) == 65_601
    unzip_test(path)


def peak_of_an_export(megabytes: int) -> int:
    """Most bytes held at once by an export of this size, in files of 1 MiB."""
    chunk = bytes(1024 * 1024)
    tracemalloc.start()
    try:
        stream = MultipartStream(DiscardingPuts(), bucket=BUCKET, key=KEY, scratch=SCRATCH)
        with ArchiveWriter(stream) as writer:
            for number in range(megabytes):
                with writer.member(f"files/{number}", modified=NOW, compress=False, size=len(chunk)) as output:
                    output.write(chunk)
            finish(writer)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class DiscardingPuts(DiscardingStore):
    """Parts are forgotten at once."""

    def upload_part(self, **call: Any) -> dict[str, Any]:
        return {"ETag": "x"}

    def complete_multipart_upload(self, **call: Any) -> dict[str, Any]:
        return {"ETag": "x"}


@pytest.mark.promise("databases.export")
def test_memory_is_flat_whatever_the_size() -> None:
    small, large = peak_of_an_export(40), peak_of_an_export(200)
    assert large < 48 * 1024 * 1024
    assert large - small < 10 * 1024 * 1024
