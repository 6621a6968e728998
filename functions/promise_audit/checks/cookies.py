"""Section 6, cookies: the register, and choices that name nobody."""

import re

from promise_audit.looking import Look
from promise_audit.stores import Stores, instant

_KNOWN = frozenset({"id", "day", "preferences", "analytics", "gpc", "policy_version", "shard", "ttl"})
"""What the proof of a choice may tell."""

_DAY_SECONDS = 86_400

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
                look.expect(row["day"] % _DAY_SECONDS == 0, "choices that tell more of their time than the day")
                look.ends("choices", kept.after(instant(row, "day")))


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
