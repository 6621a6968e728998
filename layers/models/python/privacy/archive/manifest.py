"""The two members that explain an archive: `manifest.json` for programs, `README.txt` for people."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FORMAT = "perfectwork-export/1"

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

README_TEXT = """\
A complete copy of one PerfectWORK database.

manifest.json   what is in this archive: for each member its path, its size in bytes and its SHA-256,
                for records also their number and their model; the database's name, when the copy was
                made, and the version of the privacy policy in force; for files also their type
                and when they were last written.
records/        one file per model, in JSON Lines (UTF-8): each line is an object with
                  key         the record's key
                  data        the record as it was written
                  updated_at  when it was last written (RFC 3339, UTC)
                A large model goes on in <model>.2.jsonl, <model>.3.jsonl and so on.
files/          the files, byte for byte, under the paths they had. Where two could not be unpacked side by
                side on every system (the path of one is a folder of the other, or they differ only in
                case), one has a ~ and eight characters more in its path here, and its entry in
                manifest.json gives the path that it had as "file".

To open records in a spreadsheet: most can read JSON Lines through their data import ("From JSON").
To check a member: compare the output of `sha256sum <path>` with the manifest.
To use it again: import the ZIP, as it is, into an empty database. Unpacked and packed again it is
accepted too, as long as nothing was added, removed or changed.
"""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One member as the manifest lists it: size in bytes, SHA-256 in hex; records and model for records only, content
    type and last change (RFC 3339) for files only; `file` is a file's path where the member has another one.
    """

    path: str
    bytes: int
    sha256: str
    records: int | None = None
    model: str | None = None
    media_type: str | None = None
    updated_at: str | None = None
    file: str | None = None


def rfc3339(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC, to the second where it has no fraction."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_time(text: str) -> bool:
    """Whether a text is a time as an export writes them: RFC 3339 in UTC, to the second."""
    if _TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` says: the database's name, when the copy was made, and every member but itself."""

    database: str
    created_at: datetime
    policy_version: str
    entries: Sequence[ManifestEntry]

    def chunks(self) -> Iterator[bytes]:
        """Yield the JSON one member a line, so that a long one is never whole in memory."""
        head: dict[str, Any] = {
            "format": FORMAT,
            "database": self.database,
            "created_at": rfc3339(self.created_at),
            "policy_version": self.policy_version,
        }
        yield (_json(head)[:-1] + ', "members": [').encode()
        for index, entry in enumerate(self.entries):
            row: dict[str, Any] = {"path": entry.path, "bytes": entry.bytes, "sha256": entry.sha256}
            if entry.records is not None:
                row |= {"records": entry.records, "model": entry.model}
            if entry.media_type is not None:
                row["type"] = entry.media_type
            if entry.updated_at is not None:
                row["updated_at"] = entry.updated_at
            if entry.file is not None:
                row["file"] = entry.file
            yield ((",\n" if index else "\n") + _json(row)).encode()
        yield b"\n]}\n"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
