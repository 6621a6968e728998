"""Visits, which are the most of all rows: one walk through them for every check that looks at each."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from promise_audit.checks.holding import holds, kept_until
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores

_VISIT = frozenset(
    {"shard", "at", "ttl", "ip", "browser", "browser_version", "platform", "referrer", "language", "country"}
)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_ID = re.compile(r"\b(acc|db|sgn)_[a-z2-7]{20,}")

_KEPT = "visits kept by holds"


def seen_in_visits(stores: Stores, look: Look) -> None:
    """Take over what the walk saw for a check's promise. Raises: NotDeployedError."""

    def walk() -> Mapping[str, Look]:
        parts = {promise: Look(promise, stores.now) for promise in _JUDGES}
        for row in stores.walked_rows("visits"):
            for promise, judge in _JUDGES.items():
                with parts[promise].row("visits"):
                    judge(row, stores, parts[promise])
        return parts

    parts: Mapping[str, Look] = stores.once("visits", walk)
    look.at("visits", 0)
    look.add(parts[look.promise])
    look.walked(stores, f"visits ({stores.home})")


def _fields(row: Row, _: Stores, look: Look) -> None:
    look.expect(set(row) <= _VISIT, "visits with more than their summary")
    referrer = str(row.get("referrer", ""))
    look.expect(not set(referrer) & set("?#"), "visits with the query of a referring page")
    short = all(len(str(row.get(name, ""))) <= 32 for name in ("browser", "browser_version", "platform"))
    look.expect(short, "visits with a whole user-agent string")


def _unlinked(row: Row, _: Stores, look: Look) -> None:
    texts = [str(value) for name, value in row.items() if name not in ("shard", "at", "ttl")]
    linked = any(_ADDRESS.search(text) or _ID.search(text) for text in texts)
    look.expect(not linked, "visits that name somebody")


def _retention(row: Row, stores: Stores, look: Look) -> None:
    at = datetime.fromtimestamp(int(row["at"][:12]), tz=stores.now.tzinfo)
    name = f"vis_{row['shard']}{row['at'].replace('#', '', 1)}"
    end = stores.period("visits").after(at)
    if end > stores.now:
        return
    until = kept_until(end, [hold for hold in holds(stores) if hold.covers_visit(name, row.get("ip"), at)])
    look.at(_KEPT, int(until > stores.now))
    look.ends("visits", until)


_JUDGES: Mapping[str, Callable[[Row, Stores, Look], None]] = {
    "visits.fields": _fields,
    "visits.unlinked": _unlinked,
    "visits.retention": _retention,
}
