"""Archives to read: a small whole one, and any ZIP put together by hand."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from privacy.archive.pieces import RecordPieces
from privacy.archive.writer import ArchiveWriter

from .fakes import NOW, MemorySink

MOVIES = [b'{"key":"m%d","data":{"rating":1.50},"updated_at":"2024-05-01T10:00:00Z"}' % n for n in range(3)]
PICTURE = bytes(range(256)) * 40


def finish(writer: ArchiveWriter) -> Any:
    """Close a writer with the facts that all samples share."""
    return writer.close(database="Films", created_at=NOW, policy_version="2024-01-01")


def sample() -> bytes:
    """A whole export of one model and two files."""
    sink = MemorySink()
    with ArchiveWriter(sink) as writer:
        pieces = RecordPieces(writer, "movies", modified=NOW)
        for line in MOVIES:
            pieces.add(line)
        pieces.cut()
        with writer.member("files/a/été.png", modified=NOW, compress=False, media_type="image/png") as output:
            output.write(PICTURE)
        with writer.member("files/empty.txt", modified=NOW, compress=True, size=0):
            pass
        finish(writer)
    return bytes(sink.data)


def entry(path: str, content: bytes, /, **facts: Any) -> dict[str, Any]:
    """A manifest's entry that is true of `content`, unless `facts` say otherwise."""
    row: dict[str, Any] = {
        "path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    if path.startswith("records/"):
        row["records"] = content.count(b"\n")
    return {**row, **facts}


def manifest(entries: Iterable[Mapping[str, Any]], **facts: Any) -> bytes:
    """A manifest with these entries."""
    head = {
        "format": "perfectwork-export/1",
        "database": "Films",
        "created_at": "2024-05-01T10:30:07Z",
        "policy_version": "2024-01-01",
        "members": list(entries),
    }
    return json.dumps({**head, **facts}).encode()


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these members, as Python writes it; a name ending with `/` is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for path, content in members:
            archive.writestr(zipfile.ZipInfo(path), content, compress_type=method)
    return buffer.getvalue()


def export_of(
    members: Mapping[str, bytes], *, entries: Iterable[Mapping[str, Any]] | None = None, **facts: Any
) -> bytes:
    """A ZIP of these members with a manifest that is true of them, unless told otherwise."""
    rows = [entry(path, content) for path, content in members.items()] if entries is None else entries
    return zipped([*members.items(), ("manifest.json", manifest(rows, **facts))])
