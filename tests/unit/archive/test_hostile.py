"""Archives that mean harm or are damaged: each is refused in time, in words that hold no name and no content."""

import io
import json
import os
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from privacy.archive.directory import MIB, Limits, survey
from privacy.archive.errors import (
    ArchiveError,
    ArchiveTooLargeError,
    CorruptMemberError,
    DuplicateMemberError,
    ManifestError,
    NotAZipError,
    OverlappingMembersError,
    UnsafePathError,
    UnsupportedMemberError,
)
from privacy.archive.reader import ArchiveReader

from .samples import entry, export_of, manifest, sample, zipped

CANARY = "canary-7f3a"


def check(data: bytes, limits: Limits | None = None) -> None:
    """Do everything that an import does."""
    reader = ArchiveReader.from_bytes(data, limits=limits)
    reader.verify()
    for _ in reader.records():
        pass
    for _, stream in reader.files():
        while stream.read(MIB):
            pass


def directory_of(data: bytes) -> tuple[int, int]:
    """Offset of the directory and of the end record."""
    end = data.rindex(b"PK\5\6")
    return struct.unpack_from("<L", data, end + 16)[0], end


def patched(data: bytes, name: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    """The archive with one entry of its directory changed; the callback gets the entry's offset."""
    changed = bytearray(data)
    position, end = directory_of(data)
    while position < end:
        lengths = struct.unpack_from("<3H", data, position + 28)
        if data[position + 46 : position + 46 + lengths[0]] == name:
            change(changed, position)
        position += 46 + sum(lengths)
    return bytes(changed)


def put(layout: str, at: int, value: int) -> Callable[[bytearray, int], None]:
    return lambda data, entry_at: struct.pack_into(layout, data, entry_at + at, value)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6", b"{}", b"\0" * 100, b"PK\3\4" + b"x" * 5000])
def test_what_is_no_zip(data: bytes) -> None:
    with pytest.raises(NotAZipError):
        check(data)


def test_a_zip_cut_anywhere_is_refused() -> None:
    data = sample()
    for length in [*range(len(data) - 400, len(data)), *range(0, len(data) - 400, 97)]:
        with pytest.raises(ArchiveError):
            check(data[:length])


def test_something_before_or_behind_the_zip_is_refused() -> None:
    for data in (b"#!/bin/sh\n" + sample(), sample() + b"more"):
        with pytest.raises(NotAZipError):
            survey(io.BytesIO(data), Limits())


def test_without_a_manifest() -> None:
    for members in ([("files/a", b"")], [("top/manifest.json", manifest([]))], []):
        with pytest.raises(ManifestError):
            check(zipped(members))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe{}", b"[" * 200_000, b'{"format":"perfectwork-export/2"}',
        manifest([], database=None), manifest([], created_at=1), manifest([], policy_version=[]),
        manifest([], members={}),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none(text: bytes) -> None:
    with pytest.raises(ManifestError):
        check(zipped([("manifest.json", text)]))


@pytest.mark.parametrize(
    "facts",
    [
        {"bytes": -1}, {"bytes": True}, {"bytes": 1.0}, {"bytes": "1"},
        {"sha256": "0" * 63}, {"sha256": "G" * 64}, {"sha256": None}, {"path": 1}, {"path": None},
        {"records": -1}, {"records": "1"}, {"model": "A/B"}, {"model": 1}, {"type": 1}, {"type": "x" * 256},
        {"updated_at": 1}, {"updated_at": "2026-03-01"}, {"updated_at": "2026-02-30T00:00:00Z"},
    ],
)  # fmt: skip
def test_an_entry_of_a_wrong_shape(facts: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        check(export_of({"files/a": b"1"}, entries=[entry("files/a", b"1", **facts)]))


def test_members_and_manifest_must_agree_both_ways() -> None:
    listed = entry("files/a", b"1")
    for members, rows in (
        ({"files/a": b"1"}, []),
        ({}, [listed]),
        ({"files/a": b"1", "files/b": b"1"}, [listed]),
        ({"files/a": b"1"}, [listed, entry("files/b", b"1")]),
        ({"files/a": b"1"}, [listed, listed]),
        ({"top/files/a": b"1"}, [entry("top/files/a", b"1")]),
        ({"files/a": b"1"}, [entry("files/a", b"1", records=1)]),
        ({"records/a.jsonl": b"1\n"}, [entry("records/a.jsonl", b"1\n", records=None)]),
        ({"records/A.jsonl": b"1\n"}, [entry("records/A.jsonl", b"1\n")]),
    ):
        with pytest.raises(ManifestError):
            check(export_of(members, entries=rows))


def test_a_wrong_size_hash_or_count_is_found() -> None:
    for path, facts in (
        ("files/a", {"bytes": 1}),
        ("files/a", {"bytes": 3}),
        ("files/a", {"sha256": "0" * 64}),
        ("records/a.jsonl", {"records": 2}),
        ("records/a.jsonl", {"records": 0}),
    ):
        with pytest.raises(CorruptMemberError):
            check(export_of({path: b"1\n"}, entries=[entry(path, b"1\n", **facts)]))


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "files/../../x",
        "/etc/passwd",
        "files\\..\\x",
        "C:/x",
        "files//x",
        "files/./x",
        "files/a\0b",
        "../",
        "//",
    ],
)
def test_a_path_that_climbs_out(path: str) -> None:
    data = zipped(
        [
            ("files/" + "x" * (len(path) - 6) if len(path) > 6 else "y" * len(path), b"1"),
            ("manifest.json", manifest([])),
        ]
    )
    harmless = zipfile.ZipFile(io.BytesIO(data)).namelist()[0]
    with pytest.raises(UnsafePathError):
        check(data.replace(harmless.encode(), path.encode()))


def test_a_path_twice() -> None:
    data = zipped([("files/a", b"1"), ("files/b", b"1"), ("manifest.json", manifest([entry("files/a", b"1")]))])
    with pytest.raises(DuplicateMemberError):
        check(data.replace(b"files/b", b"files/a"))


def test_an_encrypted_member() -> None:
    for flag in (0x1, 0x41, 0x2000):
        with pytest.raises(UnsupportedMemberError):
            check(patched(export_of({"files/a": b"1"}), b"files/a", put("<H", 8, flag)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_unpacking_cannot_be_bounded(method: int) -> None:
    with pytest.raises(UnsupportedMemberError):
        check(zipped([("manifest.json", manifest([]))], method))


def test_a_bomb_that_declares_its_size() -> None:
    for limits in (Limits(total_bytes=4 * MIB), Limits(free_bytes=4 * MIB)):
        with pytest.raises(ArchiveTooLargeError):
            check(export_of({"files/a": bytes(5 * MIB)}), limits)
    check(export_of({"files/a": bytes(5 * MIB)}), Limits(total_bytes=6 * MIB))


def test_a_bomb_that_declares_less_stops_where_it_said() -> None:
    path, content = "files/a", bytes(64 * MIB)
    declared = export_of({path: content}, entries=[entry(path, b"1")])
    tracemalloc.start()
    try:
        with pytest.raises(CorruptMemberError):
            check(patched(declared, b"files/a", put("<L", 24, 1)))
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


def test_a_member_that_declares_more_than_comes() -> None:
    declared = export_of({"files/a": b"1"}, entries=[entry("files/a", b"1", bytes=1000)])
    with pytest.raises(CorruptMemberError):
        check(patched(declared, b"files/a", put("<L", 24, 1000)))


def test_two_members_over_the_same_bytes() -> None:
    first = zipfile.ZipFile(io.BytesIO(export_of({"files/a": b"1" * 99}))).getinfo("files/a").header_offset
    data = export_of({"files/a": b"1" * 99, "files/b": b"1" * 99})
    with pytest.raises(OverlappingMembersError):
        ArchiveReader.from_bytes(patched(data, b"files/b", put("<L", 42, first)))  # before any member is read


def test_members_hidden_in_the_extra_field_of_another() -> None:
    data = bytearray(export_of({"files/a": b"", "files/b": b"1" * 99}))
    # The first member's own header claims an extra field that reaches over the second one.
    struct.pack_into("<H", data, 28, 60)
    with pytest.raises(OverlappingMembersError):
        check(bytes(data))


def test_a_member_that_is_not_where_the_directory_says() -> None:
    data = export_of({"files/a": b"1" * 99})
    with pytest.raises(NotAZipError):
        check(b"QK" + data[2:])
    with pytest.raises(NotAZipError):
        check(patched(data, b"files/a", put("<L", 20, 0)).replace(b"PK\3\4", b"PK\3\5", 1))


def test_too_many_members_are_counted_and_not_built() -> None:
    data = zipped([(f"files/{number}", b"") for number in range(300)])
    with pytest.raises(ArchiveTooLargeError):
        check(data, Limits(members=299))
    with pytest.raises(ArchiveTooLargeError):
        check(data, Limits(directory_bytes=1000))


def test_a_directory_with_more_entries_than_it_announces() -> None:
    data = bytearray(zipped([(f"files/{number}", b"") for number in range(300)]))
    _, end = directory_of(bytes(data))
    struct.pack_into("<2H", data, end + 8, 10, 10)
    with pytest.raises(NotAZipError):
        survey(io.BytesIO(data), Limits(members=299))  # before an object is made for each entry


def test_a_manifest_of_100_mb_is_refused_before_it_is_read() -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("manifest.json", "w") as file,
    ):
        for _ in range(100):
            file.write(b" " * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveTooLargeError):
            check(buffer.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


def test_a_line_longer_than_any_record() -> None:
    limits = Limits(line_bytes=1000)
    check(export_of({"records/a.jsonl": b"x" * 1000 + b"\n" + b"x" * 1000}, entries=[
        entry("records/a.jsonl", b"x" * 1000 + b"\n" + b"x" * 1000, records=2)]), limits)  # fmt: skip
    for line in (b"x" * 1001 + b"\n", b"1\n" + b"x" * 1001, b"x" * MIB):
        with pytest.raises(ArchiveTooLargeError):
            check(export_of({"records/a.jsonl": line}), limits)


@pytest.mark.parametrize(
    "seed", [int(os.environ.get("SEED", random.randrange(10**6)))], ids=lambda seed: f"SEED={seed}"
)
def test_any_changed_byte_is_noticed_or_without_effect(seed: int) -> None:
    """A flipped bit gives one of our errors or the same records: no other error, no other content."""
    data = sample()
    expected = list(ArchiveReader.from_bytes(data).records())
    chance = random.Random(seed)
    for position in [*range(directory_of(data)[0], len(data)), *chance.sample(range(len(data)), 500)]:
        changed = bytearray(data)
        changed[position] ^= 1 << chance.randrange(8)
        try:
            reader = ArchiveReader.from_bytes(bytes(changed))
            reader.verify()
            assert list(reader.records()) == expected
        except ArchiveError:
            continue


def test_no_error_names_a_member_or_tells_content() -> None:
    path, record = f"files/{CANARY}", f"records/{CANARY}.jsonl"
    line = json.dumps({"key": CANARY}).encode() + b"\n"
    good = export_of({path: CANARY.encode(), record: line})
    bad = [
        export_of({path: b"1"}, entries=[]),
        export_of({path: b"1"}, entries=[entry(path, b"1", sha256=CANARY)]),
        export_of({path: b"1"}, entries=[entry(path, b"2")]),
        export_of({record: line}, entries=[entry(record, line, records=9)]),
        export_of({}, format=CANARY),
        patched(good, path.encode(), put("<L", 16, 7)),
        patched(good, path.encode(), put("<H", 8, 1)),
        patched(good, path.encode(), put("<H", 10, 99)),
        patched(good, path.encode(), put("<L", 42, 3)),
        zipped([(f"../{CANARY}", b""), ("manifest.json", manifest([]))]),
    ]
    for data in bad:
        with pytest.raises(ArchiveError) as caught:
            check(data)
        assert CANARY not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
