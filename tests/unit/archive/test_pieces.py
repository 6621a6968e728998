"""Records in pieces: where one ends, how they are called, and who may share a name."""

import io
import json
import zipfile
from collections.abc import Iterable

import pytest

from privacy.archive.errors import ArchiveError
from privacy.archive.pieces import PIECE_BYTES, RecordPieces
from privacy.archive.reader import ArchiveReader
from privacy.archive.writer import ArchiveWriter

from .fakes import NOW, MemorySink
from .samples import finish


def export(models: Iterable[tuple[str, list[bytes]]], piece_bytes: int) -> bytes:
    sink = MemorySink()
    with ArchiveWriter(sink) as writer:
        for model, lines in models:
            pieces = RecordPieces(writer, model, modified=NOW, piece_bytes=piece_bytes)
            for line in lines:
                pieces.add(line)
            pieces.cut()
        finish(writer)
    return bytes(sink.data)


def rows(data: bytes) -> dict[str, tuple[str, int]]:
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("manifest.json"))
    return {row["path"]: (row["model"], row["records"]) for row in manifest["members"] if "records" in row}


def test_a_piece_holds_64_mib() -> None:
    assert PIECE_BYTES == 67_108_864


def test_from_the_limit_on_the_next_record_begins_a_further_piece() -> None:
    lines = [b"%07d" % number for number in range(7)]  # 8 bytes each with their newline
    found = rows(export([("movies", lines)], piece_bytes=24))
    assert found == {
        "records/movies.jsonl": ("movies", 3),
        "records/movies.2.jsonl": ("movies", 3),
        "records/movies.3.jsonl": ("movies", 1),
    }


def test_a_full_last_piece_is_not_followed_by_an_empty_one() -> None:
    lines = [b"%07d" % number for number in range(6)]
    assert len(rows(export([("movies", lines)], piece_bytes=24))) == 2
    assert rows(export([("movies", [])], piece_bytes=24)) == {}


def test_add_and_cut_say_when_the_archive_can_be_saved() -> None:
    with ArchiveWriter(MemorySink()) as writer:
        pieces = RecordPieces(writer, "movies", modified=NOW, piece_bytes=16)
        assert [pieces.add(b"%07d" % number) for number in range(5)] == [False, True, False, True, False]
        assert pieces.cut()
        writer.state()
        assert not pieces.cut()


def test_a_resumed_worker_goes_on_with_the_next_number() -> None:
    sink = MemorySink()
    with ArchiveWriter(sink) as writer:
        pieces = RecordPieces(writer, "movies", modified=NOW)
        pieces.add(b"1")
        pieces.cut()
        state = json.loads(json.dumps(writer.state()))
    with ArchiveWriter.resume(sink, state) as writer:
        assert writer.pieces("movies") == 1
        pieces = RecordPieces(writer, "movies", modified=NOW)
        pieces.add(b"2")
        pieces.cut()
        finish(writer)
    assert list(rows(bytes(sink.data))) == ["records/movies.jsonl", "records/movies.2.jsonl"]


@pytest.mark.promise("databases.export")
@pytest.mark.parametrize("order", [["a", "a.2"], ["a.2", "a"], ["a.2", "a", "a.3", "a.2.2"]])
def test_models_whose_pieces_would_share_a_name_stay_apart(order: list[str]) -> None:
    models = [(model, [f"{model}-{number}".encode() for number in range(3)]) for model in order]
    data = export(models, piece_bytes=1)  # a piece per record
    reader = ArchiveReader.from_bytes(data)
    reader.verify()
    read: dict[str, list[bytes]] = {}
    for model, line in reader.records():
        read.setdefault(model, []).append(line)
    assert read == dict(models)


def test_a_line_is_one_line() -> None:
    with ArchiveWriter(MemorySink()) as writer, pytest.raises(ArchiveError):
        RecordPieces(writer, "movies", modified=NOW).add(b"a\nb")
