"""A template's code as archives: `aws cloudformation package`, with only each function's own package."""

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""A ZIP's first possible instant: unchanged files give the same bytes, and are not deployed again."""


class PackagingError(Exception):
    """The template names code that is not there."""


def package(template: dict[str, Any], root: Path, store: Callable[[bytes], str]) -> dict[str, Any]:
    """The template with its code stored: each function's own package, and each layer.

    A layer that `sam build` would make (it names a build method) stays empty, since the engine's interpreter
    has the pinned packages itself, and a layer's wheels are for another processor.

    Arguments: `store` keeps an archive and returns its URL.
    """
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            module = properties["Handler"].split(".")[0]
            properties["CodeUri"] = store(archive(root / properties["CodeUri"], module))
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            built = "BuildMethod" in resource.get("Metadata", {})
            content = empty_archive() if built else archive(root / properties["ContentUri"])
            properties["ContentUri"] = store(content)
    return template


def archive(folder: Path, below: str = "") -> bytes:
    """A ZIP of a folder's files, or of those of one folder in it: the same files give the same bytes."""
    if not (folder / below).is_dir():
        raise PackagingError(f"the template names {folder / below}, which is no folder")
    paths = (path for path in sorted((folder / below).rglob("*")) if "__pycache__" not in path.parts)
    return _zip((path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths if path.is_file())


def empty_archive() -> bytes:
    """A ZIP that holds nothing that could be imported; an empty one is refused by Lambda."""
    return _zip([("README", b"Built by `sam build`; the local engine has these packages itself.\n")])


def _zip(members: Iterable[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in members:
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
