"""Section 1, collecting: what forms and visits left in the stores."""

import re
from collections.abc import Iterator
from typing import Any

from promise_audit.checks.visiting import seen_in_visits
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores, instant

_FORM = frozenset(
    {"kind", "name", "company", "email", "phone", "postal_address", "sector", "interest", "marketing_consent", "order"}
)
"""What a form may have recorded beside its password's hash (promises.md, signup.fields)."""
_ENQUIRY = _FORM | {"message"}
_BILL = frozenset(
    {"amount", "currency", "description", "reference", "processor", "name", "postal_address", "email", "company"}
)
_HASH = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_LEAST_MEMORY, _LEAST_PASSES = 19 * 1024, 2
"""OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB (KiB here) and two passes at least."""

_CARD = re.compile(r"(?<![0-9A-Za-z])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?![0-9A-Za-z])")
_ISSUERS = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6011|65")
_NOT_CARDS = frozenset({"phone", "reference", "sealed", "password_hash", "document", "email_tag"})


def signup_fields(stores: Stores, look: Look) -> None:
    """Profiles, enquiries and bills hold the fields of forms and no other; an address only where there was an order."""
    billed = {row["account_id"] for row in stores.rows("billing", names=["account_id"]) if "account_id" in row}
    for row in _accounts(stores):
        with look.row("accounts", row["id"]):
            look.expect(set(row["profile"]) <= _FORM, "profiles with a field that no form has", row["id"])
            if "postal_address" in row["profile"]:
                needed = row["profile"].get("kind") == "subscription" or row["id"] in billed
                look.expect(needed, "postal addresses that no invoice or delivery needs", row["id"])
    for thing, key, known in (("enquiries", "reference", _ENQUIRY), ("billing", "id", _BILL)):
        look.at(thing, 0)
        for row in stores.rows(thing, names=[key, "fields"]):
            with look.row(thing, row[key]):
                look.expect(set(row["fields"]) <= known, f"{thing} with a field that no form has", row[key])


def signup_password(stores: Stores, look: Look) -> None:
    """A password is an Argon2id hash on the account, and nowhere else."""
    for row in _accounts(stores):
        with look.row("accounts", row["id"]):
            if "password_hash" not in row:
                continue
            match = _HASH.fullmatch(row["password_hash"])
            strong = match and int(match[1]) >= _LEAST_MEMORY and int(match[2]) >= _LEAST_PASSES
            look.expect(bool(strong), "passwords that are not kept as a strong Argon2id hash", row["id"])
    for thing in ("accounts", "signups", "sessions", "enquiries", "billing"):
        look.at(f"rows of {thing}", 0)
        for row in stores.rows(thing):
            with look.row(f"rows of {thing}"):
                names = {name for name, _ in _texts(row)}
                look.expect(not names & {"password", "new_password", "current"}, f"passwords in {thing}")


def signup_no_cards(stores: Stores, look: Look) -> None:
    """No text that somebody typed has a card number: grouped as on a card or written together, of an issuer, with the
    check digit right. Numbers that are known for something else, such as phones, are left out.
    """
    for thing in ("accounts", "enquiries", "billing", "campaigns", "access", "erasures", "holds"):
        with look.trying(thing):
            look.at(f"rows of {thing}", 0)
            for row in stores.rows(thing):
                with look.row(f"rows of {thing}"):
                    found = any(name not in _NOT_CARDS and has_card(text) for name, text in _texts(row))
                    look.expect(not found, f"card numbers in {thing}")


def signup_captcha(stores: Stores, look: Look) -> None:
    """Of the captcha the score alone is kept."""
    for row in _accounts(stores):
        with look.row("accounts", row["id"]):
            kept = {name for name in (*row, *row["profile"]) if "captcha" in name}
            look.expect(kept <= {"captcha_score"}, "accounts with more of the captcha than its score", row["id"])
            look.expect(0 <= float(row.get("captcha_score", 0)) <= 1, "scores that are none", row["id"])
    for thing in ("signups", "enquiries"):
        look.at(thing, 0)
        for row in stores.rows(thing):
            with look.row(thing):
                tokens = {name for name, _ in _texts(row) if "captcha" in name and name != "captcha_score"}
                look.expect(not tokens, f"captcha tokens in {thing}")


def signup_confirmed(stores: Stores, look: Look) -> None:
    """What waits for its link is sealed, and gone when its period ends; what was confirmed keeps ids alone."""
    look.at("sign-ups", 0)
    for row in stores.rows("signups"):
        if not str(row["id"]).startswith("sgn_"):
            continue
        with look.row("sign-ups", row["id"]):
            look.ends("sign-ups", stores.period("signups.pending").after(instant(row, "created_at")), row["id"])
            known = {"id", "created_at", "shard", "ttl", "sealed", "account_id", "database_id"}
            look.expect(set(row) <= known, "sign-ups that are not sealed", row["id"])
            look.expect(
                ("account_id" in row) != isinstance(row.get("sealed"), bytes),
                "sign-ups that are neither waiting, sealed, nor confirmed",
                row["id"],
            )
    look.swept(stores, "session-expiry", "signups")
    look.letters(stores, "mail")


def signup_trial(stores: Stores, look: Look) -> None:
    """The databases that confirmations name exist, each named once."""
    receipts = [row for row in stores.rows("signups", names=["id", "database_id"]) if "database_id" in row]
    known = stores.ids("databases", "id")
    named: set[str] = set()
    look.at("confirmed trials", 0)
    for row in receipts:
        with look.row("confirmed trials", row["id"]):
            look.expect(row["database_id"] in known, "trials without their database", row["id"])
            look.expect(row["database_id"] not in named, "databases of two trials", row["database_id"])
            named.add(row["database_id"])


def visits_fields(stores: Stores, look: Look) -> None:
    """A visit is its summary: these fields, no query of the page it came from, no user-agent string."""
    seen_in_visits(stores, look)


def visits_unlinked(stores: Stores, look: Look) -> None:
    """No visit names a person, an account or a session; a session has its address sealed or not at all."""
    seen_in_visits(stores, look)
    look.at("sessions", 0)
    known = {"token_hash", "account_id", "created_at", "last_used_at", "sealed_address", "shard", "ttl"}
    for row in stores.rows("sessions"):
        if row["token_hash"].startswith("attempt#"):
            continue
        with look.row("sessions"):
            look.expect(set(row) <= known, "sessions with an address, or more, in the open")
            look.expect(isinstance(row.get("sealed_address", b""), bytes), "sessions whose address is not sealed")


def contact_inquiry(stores: Stores, look: Look) -> None:
    """Every enquiry has its reference and a due date within the period."""
    look.at("enquiries", 0)
    for row in stores.rows("enquiries", names=["reference", "created_at", "due_at"]):
        with look.row("enquiries", row["reference"]):
            latest = stores.period("enquiries.due").after(instant(row, "created_at"))
            look.expect(instant(row, "due_at") <= latest, "enquiries that are due too late", row["reference"])


def has_card(text: str) -> bool:
    """Whether a text has what looks like the number of a payment card."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _ISSUERS.match(digits) and _luhn(digits):
            return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the name of the attribute that it is in."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield key, ""
            yield from _texts(entry, key)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry, name)
    elif isinstance(value, str):
        yield name, value


def _accounts(stores: Stores) -> Iterator[Row]:
    return (row for row in stores.rows("accounts") if not str(row["id"]).startswith("email#"))
