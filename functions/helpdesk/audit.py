"""Reading the audit trail, with a check that nothing in it was changed or removed (promise security.measures)."""

import json
import time
from collections.abc import Callable
from typing import Any

from helpdesk.parts import Parts
from privacy.models.audit import FORMAT, Head, head_of
from privacy.vault.signing import is_signed

_SECONDS = 15.0
"""How long a check may take within a request; what is left is said to be unchecked."""

_SHOWN = 100
"""Findings that are listed; the rest is counted."""


def page(parts: Parts, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Some entries, the newest first, each with whether it is sealed by a block yet."""
    found, after = parts.trail.page(limit, cursor)
    shown = [(entry.document() if entry else {"id": entry_id}, sealed) for entry_id, entry, sealed in found]
    return [document | {"sealed": sealed} for document, sealed in shown], after


def check(parts: Parts, monotonic: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """Whether the trail is whole: each block signed with the published key and following the one before, none cut off
    since it was witnessed; each sealed entry there and as it was, and none that no block sealed.

    `complete` is false when time was up before everything was looked at.
    """
    until = monotonic() + _SECONDS
    findings: list[dict[str, Any]] = []
    sealed, head, complete = _chain(parts, parts.witness.latest(), findings, lambda: monotonic() < until)
    entries = 0
    for entry_id, digest, is_sealed in parts.trail.digests() if complete else ():
        entries += 1
        expected = sealed.pop(entry_id, None)
        if expected is not None and digest != expected:
            findings.append({"entry": entry_id, "what": "was changed after it was sealed"})
        elif expected is None and (is_sealed or digest is None) and not _sealed_since(parts, head, entry_id, digest):
            findings.append({"entry": entry_id, "what": "is not an entry of ours, or is in no block"})
        if monotonic() >= until:
            complete = False
            break
    if complete:
        findings += [{"entry": entry_id, "what": "was removed"} for entry_id in sorted(sealed)]
    return {
        "intact": complete and not findings,
        "complete": complete,
        "entries": entries,
        "blocks": head.sequence,
        "head": head.digest,
        "findings": findings[:_SHOWN],
        "more_findings": max(0, len(findings) - _SHOWN),
    }


def _sealed_since(parts: Parts, head: Head, entry_id: str, digest: str | None) -> bool:
    """Whether a block seals an entry that was added after the blocks were read."""
    later = (_read(document) for _, document in parts.trail.blocks(after=head.sequence))
    return any({"id": entry_id, "digest": digest} in content["entries"] for content in later if content)


def _chain(
    parts: Parts, witnessed: Head, findings: list[dict[str, Any]], has_time: Callable[[], bool]
) -> tuple[dict[str, str], Head, bool]:
    """The entries that blocks seal, with their digests, the last block, and whether there was time for all."""
    published = parts.signer.published()
    sealed: dict[str, str] = {}
    head = Head()
    for number, document in parts.trail.blocks():
        if not has_time():
            return sealed, head, False
        if not number:
            findings.append({"block": number, "what": "is called like no block of ours"})
            continue
        findings += _removed(head.sequence + 1, number)
        content = _read(document)
        if content is None or content.get("format") != FORMAT or content.get("sequence") != number:
            findings.append({"block": number, "what": "is not a block of ours"})
        else:
            if not is_signed(content, published):
                findings.append({"block": number, "what": "is not signed with the published key"})
            if number == head.sequence + 1 and content.get("previous") != head.digest:
                findings.append({"block": number, "what": "does not follow the one before it"})
            sealed |= {entry["id"]: entry["digest"] for entry in content["entries"]}
        head = head_of(number, document)
        if number == witnessed.sequence and head.digest != witnessed.digest:
            findings.append({"block": number, "what": "is not the one that was witnessed"})
    findings += _removed(head.sequence + 1, witnessed.sequence + 1)
    return sealed, head, True


def _removed(first: int, end: int) -> list[dict[str, Any]]:
    """The blocks that are missing before another: many at once as one finding, since a number may be made up."""
    if end - first > _SHOWN:
        return [{"block": first, "what": f"was removed, and all that followed it before block {end}"}]
    return [{"block": missing, "what": "was removed"} for missing in range(first, end)]


def _read(document: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):  # nested too deep for its reader
        return None
    return content if isinstance(content, dict) and isinstance(content.get("entries"), list) else None
