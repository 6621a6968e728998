"""Section 2, forgetting on time: whether anything is older than its limit, in any version and region."""

from datetime import datetime, timedelta

from promise_audit.checks.holding import account_kept_until, holds
from promise_audit.checks.visiting import seen_in_visits
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores, instant

_GROUNDS = frozenset({"security", "performance", "law"})

_UNFINISHED = timedelta(days=2)
"""How long an unfinished upload may lie in a bucket: its lifecycle rule, and a day that S3 takes."""

_AT_WORK = timedelta(hours=1)
"""Longer than any worker lives (Lambda: 15 minutes): what is younger may have its row in a moment."""


def sessions_idle(stores: Stores, look: Look) -> None:
    """No session lies there past its last use and the idle period."""
    _sessions(stores, look, "last_used_at", "sessions.idle")


def sessions_max_age(stores: Stores, look: Look) -> None:
    """No session lies there past its beginning and the greatest age."""
    _sessions(stores, look, "created_at", "sessions.max-age")


def _sessions(stores: Stores, look: Look, origin: str, period: str) -> None:
    look.at("sessions", 0)
    for row in stores.rows("sessions", names=["token_hash", "account_id", "created_at", "last_used_at"]):
        if row["token_hash"].startswith("attempt#"):
            continue
        with look.row("sessions"):
            end = stores.period(period).after(instant(row, origin))
            look.ends("sessions", account_kept_until(end, row["account_id"], stores))
    look.swept(stores, "session-expiry", "sessions")


def visits_retention(stores: Stores, look: Look) -> None:
    """No visit is older than its period unless a hold keeps it, and every hold has an owner, a reason and an end."""
    look.at("holds", 0)
    for row in stores.rows("holds"):
        with look.row("holds", row["id"]):
            _hold(row, stores, look)
    seen_in_visits(stores, look)
    look.swept(stores, "log-purging", "visits")
    look.swept(stores, "session-expiry", "holds")


def _hold(row: Row, stores: Stores, look: Look) -> None:
    look.expect(bool(row["owner"]) and bool(row["reason"]), "holds without an owner or a reason", row["id"])
    look.expect(row["ground"] in _GROUNDS, "holds without a ground", row["id"])
    created, until = instant(row, "created_at"), instant(row, "until")
    longest = stores.period("holds.longest").after(created)
    look.expect(until <= longest, "holds that last too long", row["id"])
    scope = row["scope"]
    look.expect(("visits" in scope) != ("account_id" in scope), "holds that would link visits to a person", row["id"])
    ended = min(until, instant(row, "released_at")) if "released_at" in row else until
    # Another hold may have taken over what this one kept: then it is remembered as long as that one.
    over = max([ended, *(hold.ends for hold in holds(stores) if hold.starts <= ended)])
    look.ends("holds", stores.period("holds.kept").after(over), row["id"])


def recordings_retention(stores: Stores, look: Look) -> None:
    """No recording is older than its period: neither its row, nor any version of its object, in either region."""
    known: set[str] = set()
    look.at("recordings", 0)
    for row in stores.rows("recordings"):
        with look.row("recordings", row["id"]):
            known.add(f"{row['database_id']}/{row['id']}")
            end = stores.period("recordings").after(instant(row, "started_at"))
            if row["status"] not in ("stored", "storing"):
                end = min(end, instant(row, "ended_at"))
            look.ends("recordings", end, row["id"])
    # A row that came after this listing began has an object that is younger than it.
    for region in stores.regions.values():
        with look.trying(region):
            look.at("versions of recordings", 0)
            for stored in stores.versions("recordings", region):
                look.at("versions of recordings")
                look.ends("versions of recordings", stores.period("recordings").after(stored.at))
                orphan = stored.key not in known and stores.now - stored.at > _AT_WORK
                look.expect(not orphan, "versions of recordings that no row knows", stored.database_id)
            for _, begun in stores.uploads("recordings", region):
                look.at("unfinished uploads")
                look.expect(stores.now - begun <= _UNFINISHED, "unfinished uploads of recordings")
    look.swept(stores, "database-expiry", "recordings")


def accounts_necessity(stores: Stores, look: Look) -> None:
    """What is kept of people ends with its purpose: accounts, leads, consents, enquiries, bills, requests."""
    period, unused = stores.period, 0
    for row in stores.rows("accounts"):
        if str(row["id"]).startswith("email#"):
            continue
        with look.row("accounts", row["id"]):
            contact = instant(row, "last_contact_at")
            if "closed" in row:
                continue  # it is being erased: rights.erase looks at that
            if "password_hash" not in row:
                look.ends("leads", period("accounts.leads").after(contact), row["id"])
            elif period("accounts.unused").over(contact, stores.now):
                unused += 1
            if row["marketing"]["agreed"]:
                end = period("accounts.marketing").after(instant(row, "marketing_at"))
                look.ends("consents to marketing", end, row["id"])
    alive = [
        row["owner"] for row in stores.rows("databases", names=["owner", "status"]) if row["status"] != "destroyed"
    ]
    # Whose a database is lies under a key that the audit does not have: so many accounts may be in use by databases.
    if unused > len(set(alive)):
        look.overdue += unused
        look.wrong("accounts that nobody uses past their end")
    elif unused:
        look.notes.append(f"{unused} accounts without contact for longer, which databases may keep in use")
    look.at("enquiries", 0)
    for row in stores.rows("enquiries", names=["reference", "created_at"]):
        with look.row("enquiries", row["reference"]):
            look.ends("enquiries", period("enquiries.kept").after(instant(row, "created_at")), row["reference"])
    look.at("bills", 0)
    for row in stores.rows("billing"):
        with look.row("bills", row["id"]):
            end = period("billing").after(instant(row, "recorded_at"))
            look.ends("bills", account_kept_until(end, row.get("account_id"), stores), row["id"])
    look.at("requests for erasure", 0)
    for row in stores.rows("erasures", names=["id", "created_at"]):
        with look.row("requests for erasure", row["id"]):
            look.ends("requests for erasure", period("erasures.kept").after(instant(row, "created_at")), row["id"])
    look.swept(stores, "session-expiry", "enquiries", "billing")
    look.swept(stores, "account-expiry", "accounts", "leads", "marketing")


def exports_retention(stores: Stores, look: Look) -> None:
    """No export's file, and no upload, lies there past its period, in either region."""
    link = stores.period("exports.link")
    in_an_hour = link.after(stores.now) - stores.now <= timedelta(hours=1)
    look.expect(in_an_hour, "links to exports that live for more than an hour")
    known: dict[str, datetime] = {}
    look.at("exports and uploads", 0)
    for row in stores.rows("jobs"):
        if row["kind"] not in ("export", "account", "upload"):
            continue
        with look.row("exports and uploads", row["id"]):
            if row["kind"] == "upload":
                known[row["id"]] = stores.period("uploads").after(instant(row, "created_at"))
            elif row["status"] == "ready":
                known[row["id"]] = stores.period("exports.file").after(instant(row, "finished_at"))
    for region in stores.regions.values():
        with look.trying(region):
            look.at("files", 0)
            for stored in stores.versions("transfer", region):
                look.at("files")
                name = stored.key.rsplit("/", 1)[-1].split(".")[0]
                kind = "exports.file" if stored.key.startswith("exports/") else "uploads"
                end = stores.period(kind).after(stored.at)
                look.ends("files of exports and uploads", min(end, known.get(name, end)), stored.database_id)
            for _, begun in stores.uploads("transfer", region):
                look.at("unfinished uploads")
                look.expect(stores.now - begun <= _UNFINISHED + timedelta(days=1), "unfinished uploads")
    look.swept(stores, "database-expiry", "exports", "uploads")
