"""The policy as data: a version, all versions, the registers in force, and what differs between two."""

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from policy import writing
from policy.parts import Parts
from privacy.policy import Document, Period, changes, material

Told = dict[str, Any]


def version(parts: Parts, document: Document) -> Told:
    """A version whole: its text in Markdown and the data that it was written from."""
    return {
        **_head(parts, document),
        "text": writing.markdown(document),
        "promises": document.data["promises"],
        "retention": [{**row, "in_words": Period.parse(row["period"]).words} for row in document.data["retention"]],
        **{name: document.data[name] for name in ("data", "processors", "cookies", "regions", "trends", "wordings")},
    }


def versions(parts: Parts) -> Told:
    """Every version, the newest first; there are few, so they are one page."""
    newest_first = sorted(parts.versions.values(), key=lambda each: each.version, reverse=True)
    return {"items": [_head(parts, each) for each in newest_first], "next_cursor": None}


def _head(parts: Parts, document: Document) -> Told:
    return {
        "version": document.version.isoformat(),
        "last_updated": document.version.isoformat(),
        "status": parts.status(document.version),
        "summary": document.data["summary"],
        "sha256": document.sha256,
    }


def difference(old: Document, new: Document) -> Told:
    """What differs between two versions (promise policy.versions)."""
    found = changes(old, new)
    prose = difflib.unified_diff(
        writing.lines(writing.markdown(old)), writing.lines(writing.markdown(new)),
        old.version.isoformat(), new.version.isoformat(), n=0, lineterm="",
    )  # fmt: skip
    return {
        "from": old.version.isoformat(),
        "to": new.version.isoformat(),
        "material": material(found),
        "words": [change.words for change in found],
        "changes": [dataclasses.asdict(change) for change in found],
        "text": list(prose),
    }


def cookies(document: Document) -> Told:
    """The register of cookies (promise cookies.register)."""
    periods = {row["id"]: row["period"] for row in document.data["retention"]}
    return {
        "policy_version": document.version.isoformat(),
        "categories": [
            {**row, "cookies": [_cookie(each, periods) for each in row["cookies"]]} for row in document.data["cookies"]
        ],
    }


def _cookie(row: Mapping[str, Any], periods: Mapping[str, str]) -> Told:
    """A cookie with the period that it lives for, None when that is its setter's."""
    return {**row, "period": periods[row["period"]] if row["period"] else None}


def processors(document: Document) -> Told:
    """The register of processors (promise processors.register)."""
    return {"policy_version": document.version.isoformat(), "processors": document.data["processors"]}
