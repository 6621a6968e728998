"""Section 4, rights of the person, and what staff may do: what the stores tell of requests, grants and correlations."""

import json
from datetime import datetime, timedelta

from promise_audit.checks.signatures import is_signed
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores, instant

_OPEN = ("requested", "approved")
_KEPT = "keep-until-grace-ends"
"""What a person may want of their databases."""

_FORGOTTEN = ("account_id", "message", "reason", "signup_id", "change_id")
"""What an erased request no longer tells."""

_LONGEST_GRANT = timedelta(hours=72)
"""Hours, not days (api.md, grants: at most 72)."""

_STUCK = timedelta(days=1)


def access(stores: Stores, look: Look) -> None:
    """Every account is reached by its address, all that names an account leads to one, and no export waits."""
    named = {thing: list(stores.rows(thing, names=["account_id"])) for thing in ("sessions", "billing")}
    accounts = {row["id"]: row for row in stores.rows("accounts", names=["id", "email_tag", "account_id", "closed"])}
    look.at("accounts", 0)
    for account_id, row in accounts.items():
        if account_id.startswith("email#") or "closed" in row:
            continue
        with look.row("accounts", account_id):
            leads_to = accounts.get(f"email#{row['email_tag']}", {}).get("account_id")
            look.expect(leads_to == account_id, "accounts that their address does not lead to", account_id)
    for thing, rows in named.items():
        look.at(thing, len(rows))
        for row in rows:
            if "account_id" in row:
                gone = row["account_id"] not in accounts
                look.expect(not gone, f"rows of {thing} of an account that is gone", row["account_id"])
    look.at("exports of personal data", 0)
    for row in stores.rows("jobs"):
        if row["kind"] == "account":
            with look.row("exports of personal data", row["id"]):
                waits = row["status"] in ("queued", "running") and stores.now - stores.since(row, "created_at") > _STUCK
                if waits:
                    look.doubt("exports of personal data that wait for longer than a day")
    look.letters(stores, "account-export")


def rectify(stores: Stores, look: Look) -> None:
    """An old address leads nowhere any more, and what waits for a link is sealed and goes in time."""
    rows = {row["id"]: row for row in stores.rows("accounts", names=["id", "email_tag", "account_id"])}
    look.at("addresses", 0)
    for name, row in rows.items():
        if name.startswith("email#"):
            with look.row("addresses", row["account_id"]):
                own = rows.get(row["account_id"], {}).get("email_tag")
                look.expect(name == f"email#{own}", "old addresses that still lead to an account", row["account_id"])
    look.at("changes that wait", 0)
    for row in stores.rows("signups"):
        if row["id"].startswith("sgn_"):
            continue
        with look.row("changes that wait", row["id"]):
            look.ends(
                "changes that wait", stores.period("links.pending").after(stores.since(row, "created_at")), row["id"]
            )
            sealed = isinstance(row["sealed"], bytes) and set(row) <= {"id", "created_at", "shard", "ttl", "sealed"}
            look.expect(sealed, "changes that are not sealed", row["id"])
    look.swept(stores, "session-expiry", "changes")


def erase(stores: Stores, look: Look) -> None:
    """Every request is answered in time, and what is erased tells no more whose it was, with a genuine certificate."""
    public = stores.public_keys("certificates")
    disclosed = list(stores.rows("disclosures"))  # before the accounts that they name
    accounts = stores.ids("accounts", "id")
    look.at("disclosures", 0)
    for row in disclosed:
        with look.row("disclosures"):
            told = row.get("account_id")
            look.expect(told is None or told in accounts, "disclosures that tell whose they were")
    closed = [row for row in stores.rows("accounts", names=["id", "closed", "erasure_id"]) if row.get("closed")]
    requests: set[str] = set()
    look.at("requests for erasure", 0)
    for row in stores.rows("erasures"):
        with look.row("requests for erasure", row["id"]):
            requests.add(row["id"])
            if row["status"] in _OPEN:
                look.ends("requests for erasure", _due(row, stores), row["id"])
            if row["status"] == "erased":
                told = [name for name in _FORGOTTEN if name in row]
                look.expect(not told, "erased requests that tell whose they were", row["id"])
                late = "address" in row and stores.now - stores.since(row, "finished_at") > _STUCK
                look.expect(not late, "erased requests that keep an address", row["id"])
                document = stores.item("removals", {"subject": row["id"], "entry": "certificate"})["document"]
                look.expect(is_signed(json.loads(document), public), "erasures without a certificate", row["id"])
    look.at("closed accounts", 0)
    for row in closed:
        with look.row("closed accounts", row["id"]):
            look.expect(row["erasure_id"] in requests, "closed accounts that nobody erases", row["id"])
    look.swept(stores, "account-expiry", "erasures", "requests")
    look.letters(stores, "erasure")


def _due(row: Row, stores: Stores) -> datetime:
    """By when a request has to be carried out: what its person wants kept stays until the grace period ends."""
    due = stores.period("erasures.due").after(stores.since(row, "created_at"))
    if row["status"] != "approved" or row["databases"] != _KEPT:
        return due
    grace_ends = stores.period("databases.grace").after(stores.since(row, "decided_at"))
    return max(due, stores.period("databases.deletion").after(grace_ends))


def opt_out(stores: Stores, look: Look) -> None:
    """Only who agreed is in the index of who gets marketing, with what they were asked; no message waits for long."""
    look.at("choices about marketing", 0)
    for row in stores.rows("accounts"):
        if row["id"].startswith("email#"):
            continue
        with look.row("choices about marketing", row["id"]):
            choice = row["marketing"]
            listed = "marketing_shard" in row
            look.expect(choice["agreed"] or not listed, "people on the list who did not agree", row["id"])
            look.expect(not (listed and row.get("closed")), "people on the list who are being erased", row["id"])
            if choice["agreed"] and not row.get("closed"):
                asked = (
                    bool(choice["wording"]) and bool(choice["policy_version"]) and choice["at"] <= row["marketing_at"]
                )
                look.expect(asked, "consents without what was agreed to", row["id"])
    look.at("campaigns and messages", 0)
    for row in stores.rows("campaigns", names=["id", "created_at", "outcome"]):
        with look.row("campaigns and messages", row["id"].split("#")[0]):
            end = stores.period("campaigns").after(stores.since(row, "created_at"))
            look.ends("campaigns and messages", end, row["id"].split("#")[0])
            if row.get("outcome") == "queued" and stores.now - stores.since(row, "created_at") > _STUCK:
                look.doubt("marketing messages that wait for longer than a day")
    look.swept(stores, "session-expiry", "campaigns")
    look.letters(stores, "marketing")


def helpdesk_access(stores: Stores, look: Look) -> None:
    """Every grant names purpose, reason and an end within hours, and every read lies within its grant."""
    rows = list(stores.rows("access"))
    grants = {row["id"]: row for row in rows if row["id"].startswith("grt_") or "purpose" in row}
    look.at("grants", 0)
    look.at("reads and requests", 0)
    for row in rows:
        is_grant = row["id"] in grants
        with look.row("grants" if is_grant else "reads and requests", row["database_id"]):
            at = stores.since(row, "at")
            look.ends("entries of access logs", stores.period("access.log").after(at), row["database_id"])
            if "undisclosed_until" in row:
                latest = stores.period("access.undisclosed").after(at + _LONGEST_GRANT)
                shown = instant(row, "undisclosed_until") <= latest
                look.expect(shown, "entries kept from their customer for too long", row["database_id"])
            if is_grant:
                named = row["purpose"] in ("issue", "support-request", "legal", "security") and row["reason"]
                look.expect(bool(named) and bool(row["staff"]), "grants without who and why", row["database_id"])
                hours = instant(row, "until") - at
                look.expect(
                    timedelta(0) < hours <= _LONGEST_GRANT, "grants without an end in hours", row["database_id"]
                )
            elif "grant_id" in row:
                _read(row, grants, stores, look)
    look.swept(stores, "session-expiry", "access")


def _read(row: Row, grants: dict[str, Row], stores: Stores, look: Look) -> None:
    grant = grants.get(row["grant_id"])
    if grant is None:  # a grant is up to three days older than its last read, so it goes first
        old = stores.period("access.log").over(stores.since(row, "at") - _LONGEST_GRANT, stores.now)
        look.expect(old, "reads without a grant", row["database_id"])
        return
    ended = min(grant["until"], grant.get("ended_at", grant["until"]))
    look.expect(grant["at"] <= row["at"] <= ended, "reads outside their grant", row["database_id"])
    look.expect(grant["database_id"] == row["database_id"], "reads of another database", row["database_id"])


def correlation_gate(stores: Stores, look: Look) -> None:
    """Every decided correlation has two persons, a ground and its audit entry, and tells no more whose it was; the key
    of sealed addresses opens for the correlation function alone.
    """
    rows = list(stores.rows("correlations"))
    entries = stores.ids("audit", "id")
    look.at("correlations", 0)
    for row in rows:
        with look.row("correlations", row["id"]):
            look.expect(row["ground"] in ("law", "security"), "correlations without a ground", row["id"])
            created = stores.since(row, "created_at")
            look.ends("correlations", stores.period("correlations.kept").after(created), row["id"])
            if "waiting_since" in row:
                look.ends("correlations that wait", stores.period("correlations.pending").after(created), row["id"])
                continue
            two = bool(row["decided_by"]) and row["decided_by"] != row["requested_by"]
            look.expect(two, "correlations without a second person", row["id"])
            look.expect(row["decision"] in entries, "correlations without their audit entry", row["id"])
            look.expect(
                not {"account_id", "first", "last"} & set(row), "correlations that keep the question", row["id"]
            )
    with look.trying("key of addresses"):
        kms = stores.client("kms")
        policy = json.loads(kms.get_key_policy(KeyId=_key_id(stores, "addresses"), PolicyName="default")["Policy"])
        look.at("key policies")
        denied = [
            row
            for row in policy["Statement"]
            if row["Effect"] == "Deny" and "kms:Decrypt" in row["Action"] and "ArnNotLike" in row.get("Condition", {})
        ]
        look.expect(bool(denied), "keys of addresses that others may open")
    look.swept(stores, "session-expiry", "correlations")


def _key_id(stores: Stores, thing: str) -> str:
    found: str = stores.client("kms").describe_key(KeyId=f"alias/{stores.stack}-{thing}")["KeyMetadata"]["KeyId"]
    return found
