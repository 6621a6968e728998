"""Reading a database's content as it is given out by HTTP: to its owner, and to staff under a grant, who leave behind
what they read.

Whoever asks has looked before whether the database may be read, and by whom.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from privacy.hosting.files import File, Files
from privacy.hosting.host import Host
from privacy.hosting.records import Records
from privacy.models.databases import UnknownContentError
from privacy.models.fields import FilePath, RecordKey, RecordModel, checked
from privacy.policy import Policy

PAGE_BYTES = 4_194_304
"""A page of a list ends at 4 MB (api.md, conventions)."""

MAX_INLINE_BYTES = 4_194_304
"""What goes through us: 4 MB (api.md)."""

_MODEL: TypeAdapter[str] = TypeAdapter(RecordModel)
_KEY: TypeAdapter[str] = TypeAdapter(RecordKey)
_PATH: TypeAdapter[str] = TypeAdapter(FilePath)


@dataclass(frozen=True, slots=True)
class Found:
    """A file to send: its bytes, or a link to them when they are too many."""

    file: File
    content: bytes | None
    link: str | None

    @property
    def headers(self) -> dict[str, str]:
        """What goes with a file's bytes: it is saved, never rendered, under the last part of its path (RFC 6266)."""
        name = quote(self.file.path.rsplit("/", 1)[-1], safe="")
        return {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}


def checked_model(text: str) -> str:
    """A model's name. Raises: InvalidFieldsError."""
    return checked(_MODEL, "model", text)


def checked_key(text: str) -> str:
    """A record's key. Raises: InvalidFieldsError."""
    return checked(_KEY, "key", text)


def checked_path(text: str | None) -> str:
    """A file's path. Raises: InvalidFieldsError."""
    return checked(_PATH, "path", text or "")


def record(records: Records, model: str, key: str) -> bytes:
    """A record, `{key, data, updated_at}`. Raises: UnknownContentError, KeyDestroyedError."""
    found = records.get(model, key)
    if found is None:
        raise UnknownContentError
    return found.shown()


def record_page(records: Records, model: str, limit: int, cursor: str | None) -> tuple[list[bytes], str | None]:
    """Some of a model's records, and the place to go on from. Raises: CursorError, KeyDestroyedError."""
    found = records.page(model, limit=limit, max_bytes=PAGE_BYTES, cursor=cursor)
    return [each.shown() for each in found.records], found.cursor


def file(files: Files, path: str, policy: Policy, now: datetime, *, directly: bool) -> Found:
    """A file; `directly` says whether the caller can be given bytes. Raises: UnknownContentError, KeyDestroyedError."""
    found = files.read(path, at_most=MAX_INLINE_BYTES if directly else -1)
    if found is None:
        raise UnknownContentError
    stored, body = found
    if body is not None:
        return Found(stored, body, None)
    life = policy.retention["files.link"].after(now) - now
    return Found(stored, None, files.link(stored, life // timedelta(seconds=1)))


def file_page(files: Files, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the files, and the place to go on from. Raises: CursorError, KeyDestroyedError."""
    found = files.page(limit=limit, cursor=cursor)
    return [shown(each) for each in found.files], found.cursor


def shown(each: File) -> dict[str, Any]:
    """A file in a list."""
    return {
        "path": each.path,
        "bytes": each.bytes,
        "sha256": each.sha256,
        "content_type": each.content_type,
        "updated_at": each.updated_at,
    }


def sealed_names(host: Host, database_id: str, read_id: str, names: dict[str, str]) -> bytes:
    """What a read is of (model, key, path), sealed: names are content, and go with the key.

    Raises: KeyDestroyedError.
    """
    return host.keyring.key(database_id).seal(json.dumps(names).encode("ascii"), read_id)


def opened_names(host: Host, database_id: str, read_id: str, sealed: bytes) -> dict[str, str]:
    """What a read was of. Raises: KeyDestroyedError, SealBrokenError."""
    names: dict[str, str] = json.loads(host.keyring.key(database_id).unseal(sealed, read_id))
    return names
