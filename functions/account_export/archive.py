"""The archive of what is held about a person: a folder a category with JSON and CSV, a page to read, a manifest."""

import csv
import hashlib
import html
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from privacy.clock import rfc3339

FORMAT = "perfectwork-account-export/1"

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would run (OWASP, "CSV Injection")."""

_COLUMNS = ("category", "purpose", "origin", "retention_ends", "recipients")

Held = Mapping[str, Sequence[Mapping[str, Any]]]


def archive(account_id: str, held: Held, policy_version: str, now: datetime) -> bytes:
    """The ZIP: `<category>/<category>.json` and `.csv`, `index.html`, `manifest.json`."""
    members: dict[str, bytes] = {}
    for category, items in held.items():
        if items:
            text = json.dumps(items, ensure_ascii=False, indent=1)
            members[f"{category}/{category}.json"] = text.encode("utf-8")
            members[f"{category}/{category}.csv"] = table(items).encode("utf-8")
    members["index.html"] = page(held, policy_version, now).encode("utf-8")
    manifest = {
        "format": FORMAT,
        "account": account_id,
        "created_at": rfc3339(now),
        "policy_version": policy_version,
        "members": [
            {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path, content in members.items()
        ],
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        for path, content in [("manifest.json", json.dumps(manifest, indent=1).encode("utf-8")), *members.items()]:
            entry = zipfile.ZipInfo(path, now.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            file.writestr(entry, content)
    return written.getvalue()


def table(items: Sequence[Mapping[str, Any]]) -> str:
    """Items as CSV (RFC 4180), a row each, the fields of `data` as columns of their own; no cell is a formula."""
    names = list(dict.fromkeys(name for item in items for name in item["data"]))
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow([*_COLUMNS, *(safe(name) for name in names)])
    for item in items:
        told = [cell(item[column]) for column in _COLUMNS]
        writer.writerow([*told, *(cell(item["data"].get(name)) for name in names)])
    return written.getvalue()


def cell(value: Any) -> str:
    """A value in a cell: texts as they are, nothing as nothing, lists by commas, the rest as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return safe(", ".join(value))
    return safe(json.dumps(value, ensure_ascii=False))


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that would begin like it gets an apostrophe before it."""
    return "'" + text if text.startswith(_FORMULA) else text


def page(held: Held, policy_version: str, now: datetime) -> str:
    """A page to read in a browser, with no script and nothing from elsewhere."""
    sections = "".join(_section(category, items) for category, items in held.items() if items)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your data at PerfectWORK</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        "<style>body{font-family:sans-serif;max-width:60em;margin:2em auto}"
        "th{text-align:left;vertical-align:top;padding-right:1em}td{white-space:pre-wrap}</style></head><body>"
        f"<h1>Your data at PerfectWORK</h1><p>As of {rfc3339(now)}, under the policy of {html.escape(policy_version)}. "
        "The content of your databases is not here: export each of them by itself.</p>"
        f"{sections}</body></html>"
    )


def _section(category: str, items: Sequence[Mapping[str, Any]]) -> str:
    first = items[0]
    shown = "".join(_item(item) for item in items)
    return (
        f"<h2>{html.escape(category)}</h2><p>Why: {html.escape(first['purpose'])}. "
        f"From: {html.escape(first['origin'])}.</p>{shown}"
    )


def _item(item: Mapping[str, Any]) -> str:
    facts = {
        **item["data"],
        "kept until": item["retention_ends"] or "its purpose ends",
        "received by": item["recipients"],
    }
    rows = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(_plain(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table>{rows}</table><hr>"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else cell(value)
