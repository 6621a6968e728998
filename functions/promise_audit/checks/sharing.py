"""Section 5, sharing: who received what, as the register allows it; what is told about groups."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from privacy import policy
from promise_audit.checks.policies import archived
from promise_audit.checks.shapes import DATE, SHARD, Rule, fits, table, text, texts, whole
from promise_audit.looking import Look
from promise_audit.stores import Row, Stores

_NAMES = r"[a-z_]{1,40}(, [a-z_]{1,40})*"

_DISCLOSURE: Mapping[str, Rule] = {
    "id": text(r"dsc_[a-z2-7]{26}"),
    "account_id": text(r"acc_[a-z2-7]{26}"),
    "processor": text(r"[a-z][a-z0-9-]{0,40}"),
    "purpose": text(r"[a-z][a-z0-9-]{0,40}"),
    "fields": texts(r"[a-z_]{1,40}"),
    "record": text(r"bil_[a-z2-7]{26}"),
    "ground": text(r"(bil|ers)_[a-z2-7]{26}"),
    "status": text("queued|delivered|refused"),
    "open_shard": text("queued|refused"),
    "reason": text(
        rf"what it was to tell is erased|(not registered|the processor cannot be told exactly): {_NAMES}"
        r"|the processor answered \d{3}"
    ),
    **dict.fromkeys(("created_at", "queued_at", "delivered_at", "refused_at", "resends", "ttl"), whole),
    "shard": SHARD,
}

_LOST = timedelta(days=1)
"""What waits for longer is queued anew each quarter of an hour, and does not arrive."""

_REPORT: Mapping[str, Rule] = {
    "id": text(r"(visits|accounts)#\d{4}-\d{2}"),
    "subject": text("visits|accounts"),
    "month": text(r"\d{4}-\d{2}"),
    "policy_version": DATE,
    **dict.fromkeys(("made_at", "least_people", "ttl"), whole),
    "tables": table,
    "shard": SHARD,
}

_NAME, _WORDS = text(r"[A-Za-z][A-Za-z0-9 .-]{0,31}"), text(r"(?=.{1,60}$)([^@:\d]*\d){0,3}[^@:\d]*")
"""The name of a program, and what people call a sector: neither an address nor a number of anybody's."""

_TABLES: Mapping[str, Mapping[str, Rule]] = {
    "visits": {"country": text("[A-Z]{2}"), "browser": _NAME, "platform": _NAME, "language": text("[a-z]{2,3}")},
    "accounts": {"kind": text("[a-z-]{1,20}"), "sector": _WORDS, "interest": _WORDS},
}
"""What is counted of each subject, one thing at a time, and what a group may be called."""

_OTHER = "other"

_ROUNDED_TO = 5


def processors_register(stores: Stores, look: Look) -> None:
    """Every processor of the register says what it gets, why, and how it is bound; every disclosure names one."""
    for processor in stores.policy.processors.values():
        with look.row("processors", processor.id):
            told = all((processor.name, processor.purposes, processor.safeguards, processor.contract))
            look.expect(told and bool(processor.privacy_policy), "processors that do not say all", processor.id)
    with look.trying():
        look.at("disclosures", 0)
        for row in stores.rows("disclosures"):
            with look.row("disclosures"):
                known = any(row["processor"] in one.processors for one in _in_force(row, stores))
                look.expect(known, "disclosures to who is not in the register")
    with look.trying("archive"):
        published = archived(stores, look)
        look.expect(
            published is None or _registered(published["processors"]) == _running(stores),
            "registers of processors that differ from what was published",
        )
    with look.trying("disclosure"):
        look.at("functions that disclose", 0)
        for function in stores.functions(stores.home):
            if function.thing == "disclosure":
                look.at("functions that disclose")
                if function.environment.get("PROCESSORS") != "real":
                    look.notes.append("disclosures reach a stand-in for the processors, as deployed here")


def processors_allow_list(stores: Stores, look: Look) -> None:
    """Every disclosure is of registered fields, for a registered purpose, by their names alone."""
    kept = stores.period("disclosures")
    with look.trying():
        look.at("disclosures", 0)
        for row in stores.rows("disclosures"):
            with look.row("disclosures"):
                look.expect(fits(row, _DISCLOSURE), "disclosures that hold more than the names of fields")
                allowed = any(_allows(one, row) for one in _in_force(row, stores))
                look.expect(allowed, "disclosures of more than the register allows")
                recorded = stores.since(row, "created_at")
                look.ends("disclosures", kept.after(recorded))
                if row["status"] == "queued" and stores.now - recorded > _LOST:
                    look.doubt("disclosures that wait for longer than a day")
    look.swept(stores, "account-expiry", "disclosures")
    look.letters(stores, "disclosure")


def disclosure_aggregate(stores: Stores, look: Look) -> None:
    """No cell of a trend report counts fewer than the least number of people, and no report is kept for too long."""
    kept = stores.period("trends")
    with look.trying():
        look.at("reports", 0)
        for row in stores.rows("trends"):
            with look.row("reports", row["id"]):
                look.ends("reports", kept.after(stores.since(row, "made_at")))
                _report(row, stores, look)
    look.swept(stores, "session-expiry", "trends")
    for function in ("visit-trends", "account-trends"):
        with look.trying(function):
            look.ran(stores, function, "trends")


def _in_force(row: Row, stores: Stores) -> tuple[policy.Policy, policy.Policy]:
    """The policy in force, and the one when a disclosure was recorded: what a later one forbids was right then."""
    return stores.policy, policy.in_force(stores.since(row, "created_at").date())


def _allows(register: policy.Policy, row: Row) -> bool:
    """Whether a register lets the processor have these fields for this purpose."""
    processor = register.processors.get(row["processor"])
    purpose = processor.purposes.get(row["purpose"]) if processor else None
    return purpose is not None and set(row["fields"]) <= purpose.fields


def _report(row: Row, stores: Stores, look: Look) -> None:
    """A report is judged by the figure that it was made with, which is that of its policy; one that counts fewer than
    the policy in force wants is shown to nobody.
    """
    subject, month = row["subject"], row["month"]
    plain = fits(row, _REPORT) and row["id"] == f"{subject}#{month}"
    look.expect(plain, "reports that tell more than counts of groups", row["id"])
    agreed = policy.versions()[date.fromisoformat(row["policy_version"])].least_people
    look.expect(row["least_people"] == agreed, "reports with another least number than their policy", row["id"])
    last = datetime.fromisoformat(f"{month}-28").replace(tzinfo=stores.now.tzinfo)
    over = (last + timedelta(days=4)).replace(day=1)
    look.expect(stores.since(row, "made_at") >= over, "reports of a month that was not over", row["id"])
    for by, cells in row["tables"].items():
        look.at("cells", len(cells))
        look.expect(min(cells.values(), default=agreed) >= agreed, "tables with a cell of too few people")
        rule = _TABLES[subject].get(by)
        named = rule is not None and all(cell == _OTHER or rule(cell) for cell in cells)
        look.expect(named, "tables of something else than groups")
        rounded = all(whole(count) and count % _ROUNDED_TO == 0 for count in cells.values())
        look.expect(rounded, "tables with a count that is not rounded")
        look.expect(not cells or _OTHER in cells, "tables that could be subtracted down to somebody")


def _registered(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What a published register lets each processor have, by purpose, and where."""
    return {
        row["id"]: ({one["id"]: sorted(one["fields"]) for one in row["purposes"]}, sorted(row["hosts"])) for row in rows
    }


def _running(stores: Stores) -> dict[str, Any]:
    """The same of the register that the functions read."""
    return {
        one.id: ({purpose.id: sorted(purpose.fields) for purpose in one.purposes.values()}, sorted(one.hosts))
        for one in stores.policy.processors.values()
    }
