"""Section 6, cookies: the register, and choices that name nobody."""

import re
from datetime import UTC, datetime, time

from promise_audit.looking import Look
from promise_audit.stores import Row, Stores, instant

_KNOWN = frozenset(
    {
        "day", "id", "part", "shard", "ttl", "at", "created_at", "preferences", "analytics", "gpc", "count", "counts",
        "choice", "policy_version", "version", "source",
    }
)  # fmt: skip
"""What the proof of a choice may tell."""

_SOMEBODY = re.compile(r"@|\b(acc|db|ses|sgn)_|\b\d{1,3}(\.\d{1,3}){3}\b|Mozilla/")


def cookies_choice(stores: Stores, look: Look) -> None:
    """The proof that choices were made tells nothing of who made them, and goes in time."""
    kept = stores.period("cookies.proof")
    categories = list(stores.policy.cookies.values())
    look.at("categories of cookies", len(categories))
    look.expect(
        [one.required for one in categories] == [True] + [False] * (len(categories) - 1), "categories one must take"
    )
    with look.trying():
        look.at("choices", 0)
        for row in stores.rows("choices"):
            with look.row("choices"):
                look.expect(set(row) <= _KNOWN, "choices that tell more than what was chosen")
                look.expect(
                    not any(_SOMEBODY.search(str(value)) for value in row.values()), "choices that name somebody"
                )
                look.ends("choices", kept.after(_origin(row)))


def cookies_register(stores: Stores, look: Look) -> None:
    """Every cookie is in one category, by one name, with who sets it and a period that there is."""
    names: list[str] = []
    for category in stores.policy.cookies.values():
        for cookie in category.cookies:
            with look.row("cookies"):
                names.append(cookie.name)
                look.expect(bool(cookie.what) and bool(cookie.party), "cookies that do not say what for")
                ours = cookie.set_by == "server"
                known = cookie.period in stores.policy.retention if cookie.period else not ours
                look.expect(known, "cookies of ours without a period")
    look.expect(len(names) == len(set(names)), "cookies in two categories")


def _origin(row: Row) -> datetime:
    if "created_at" in row:
        return instant(row, "created_at")
    if isinstance(row.get("at"), int):
        return instant(row, "at")
    return datetime.combine(datetime.fromisoformat(str(row["day"])[:10]).date(), time(), UTC)
