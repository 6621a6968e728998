"""Exports that are accepted: our own, and those that a person unpacked and packed again."""

import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from privacy.archive.manifest import README_TEXT
from privacy.archive.reader import ArchiveReader, Totals

from .samples import MOVIES, PICTURE, entry, export_of, manifest, sample, zipped

ZIP = shutil.which("zip")


def content(reader: ArchiveReader) -> tuple[list[tuple[str, bytes]], dict[str | None, bytes]]:
    reader.verify()
    files = {member.file_path: stream.read(10**6) for member, stream in reader.files()}
    return list(reader.records()), files


EXPECTED = ([("movies", line) for line in MOVIES], {"a/été.png": PICTURE, "empty.txt": b""})


@pytest.mark.promise("databases.export")
def test_what_was_written_is_read() -> None:
    reader = ArchiveReader.from_bytes(sample())
    assert (reader.database, reader.policy_version) == ("Films", "2024-01-01")
    assert reader.created_at == "2024-05-01T10:30:07Z"
    assert reader.verify() == Totals(
        records=3, files=2, bytes=sum(map(len, MOVIES)) + 3 + len(PICTURE) + len(README_TEXT)
    )
    assert content(reader) == EXPECTED
    assert [member.entry.media_type for member, _ in reader.files()] == ["image/png", None]


@pytest.mark.skipif(ZIP is None, reason="zip is not installed")
@pytest.mark.parametrize("options", [["-9"], ["-0"], ["-D"], ["-fz"], ["-UN=n"], ["-UN=u"]])
def test_unpacked_and_packed_again_it_is_still_accepted(tmp_path: Path, options: list[str]) -> None:
    assert ZIP is not None
    (tmp_path / "export.zip").write_bytes(sample())
    folder = tmp_path / "folder"
    environment = {"LC_ALL": "C.UTF-8"}
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        archive.extractall(folder)
    subprocess.run([ZIP, "-qr", *options, "../again.zip", "."], cwd=folder, check=True, env=environment)  # noqa: S603  # fixed arguments
    assert content(ArchiveReader.from_bytes((tmp_path / "again.zip").read_bytes())) == EXPECTED


@pytest.mark.parametrize("field", [True, False], ids=["with Info-ZIP's field", "in plain UTF-8"])
def test_names_that_older_tools_wrote_are_understood(field: bool) -> None:
    name = "files/été.txt"
    raw = b"files/\xe9t\xe9.txt" if field else name.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("files/" + "x" * (len(raw) - 6))
        if field:
            content = b"\1" + zlib.crc32(raw).to_bytes(4, "little") + name.encode()
            info.extra = struct.pack("<2H", 0x7075, len(content)) + content
        archive.writestr(info, b"1")
        archive.writestr("manifest.json", manifest([entry(name, b"1")]))
    data = buffer.getvalue().replace(info.filename.encode(), raw)
    assert content_of_files(ArchiveReader.from_bytes(data)) == {"été.txt": b"1"}


def content_of_files(reader: ArchiveReader) -> dict[str | None, bytes]:
    return content(reader)[1]


def test_folders_and_another_order_do_not_matter() -> None:
    members = {"files/a/b": b"1", "records/m.jsonl": b"{}\n"}
    rows = [entry(path, data) for path, data in members.items()]
    data = zipped(
        [("manifest.json", manifest(rows)), ("records/", b""), ("records/m.jsonl", b"{}\n"), ("files/", b""),
         ("files/a/", b""), ("files/a/b", b"1")],
        zipfile.ZIP_STORED,
    )  # fmt: skip
    records, files = content(ArchiveReader.from_bytes(data))
    assert (records, files) == ([("m", b"{}")], {"a/b": b"1"})


def test_the_manifest_says_which_model_and_not_the_name() -> None:
    data = b"{}\n"
    rows = [entry("records/a.2.jsonl", data, model="a.2"), entry("records/a.jsonl", data, model="b")]
    members = {"records/a.2.jsonl": data, "records/a.jsonl": data}
    reader = ArchiveReader.from_bytes(export_of(members, entries=rows))
    assert [model for model, _ in reader.records()] == ["a.2", "b"]


def test_a_manifest_without_models_is_read_by_names() -> None:
    members = {"records/a.jsonl": b"{}\n", "records/a.2.jsonl": b"{}\n", "records/b.2.jsonl": b"{}\n"}
    reader = ArchiveReader.from_bytes(export_of(members))
    assert [model for model, _ in reader.records()] == ["a", "a", "b.2"]


def test_a_last_line_without_a_newline_counts() -> None:
    data = b"{}\n{}"
    reader = ArchiveReader.from_bytes(
        export_of({"records/a.jsonl": data}, entries=[entry("records/a.jsonl", data, records=2)])
    )
    assert reader.verify().records == 2


def test_checking_goes_on_from_a_member() -> None:
    reader = ArchiveReader.from_bytes(sample())
    seen: list[int] = []
    reader.verify(seen.append)
    assert seen == [1, 2, 3, 4]
    seen.clear()
    reader.verify(seen.append, start=3)
    assert seen == [4]


def test_an_export_of_nothing_is_an_export() -> None:
    assert ArchiveReader.from_bytes(export_of({})).verify() == Totals(0, 0, 0)


def test_a_check_tells_of_each_line_and_each_chunk() -> None:
    reader = ArchiveReader.from_bytes(sample())
    lines: list[tuple[int, bytes]] = []
    chunks: list[int] = []
    for member in reader.members:
        reader.check(member, on_line=lambda number, line: lines.append((number, line)), on_chunk=chunks.append)
    assert lines == list(enumerate(MOVIES, 1))
    assert sum(chunks) == reader.totals.bytes
