"""The versions of the policy as they are published: the data and the text of each, under one digest.

`versions/<date>.json` takes effect at the beginning of its day (UTC); the text beside it, which it names, is written
from its figures. Neither is edited once it is published: `published.json` holds their digest (promise policy.versions).
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

VERSIONS = Path(__file__).with_name("versions")
PUBLISHED = Path(__file__).with_name("published.json")
SCHEMA = Path(__file__).with_name("schema.json")


@dataclass(frozen=True, slots=True)
class Document:
    """A version: `data` as schema.json has it, `text` the Markdown template of its words, `sha256` (hex) of both."""

    version: date
    data: Mapping[str, Any]
    text: str
    sha256: str


def read(folder: Path) -> Mapping[date, Document]:
    """The versions in a folder, the oldest first.

    Raises: OSError, KeyError or ValueError when a file is missing or wrong: a defect of a release.
    """
    found = {}
    for path in sorted(folder.glob("*.json")):
        raw = path.read_bytes()
        data = json.loads(raw)
        if data["version"] != path.stem:
            raise ValueError("a version is called by its date")
        text = folder.joinpath(data["text"]).read_bytes()
        version = date.fromisoformat(path.stem)
        found[version] = Document(version, MappingProxyType(data), text.decode("utf-8"), digest(raw, text))
    return MappingProxyType(found)


def digest(data: bytes, text: bytes) -> str:
    """The SHA-256 (hex) of a version's two files."""
    return hashlib.sha256(b"%d\n%b%b" % (len(data), data, text)).hexdigest()


@functools.cache
def documents() -> Mapping[date, Document]:
    """Every version of this release, the oldest first, also one whose day has not come."""
    return read(VERSIONS)
