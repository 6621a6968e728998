"""Section 5, sharing: who received what, as the register allows it; what is told about groups."""

from collections.abc import Mapping
from typing import Any

from promise_audit.checks.policies import archived
from promise_audit.looking import Look
from promise_audit.stores import Stores, instant


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
                look.expect(row["processor"] in stores.policy.processors, "disclosures to who is not in the register")
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
    known = {
        field
        for processor in stores.policy.processors.values()
        for purpose in processor.purposes.values()
        for field in purpose.fields
    }
    with look.trying():
        look.at("disclosures", 0)
        for row in stores.rows("disclosures"):
            with look.row("disclosures"):
                fields = set(row["fields"])
                look.expect(fields <= known, "disclosures that hold more than the names of fields")
                processor = stores.policy.processors.get(row["processor"])
                purpose = processor.purposes.get(row["purpose"]) if processor else None
                if processor and fields <= known:
                    allowed = purpose is not None and fields <= purpose.fields
                    look.expect(allowed, "disclosures of more than the register allows")
                look.ends("disclosures", kept.after(instant(row, "created_at")))
    look.swept(stores, "account-expiry", "disclosures")
    look.letters(stores, "disclosure")


def disclosure_aggregate(stores: Stores, look: Look) -> None:
    """No cell of a trend report counts fewer than the least number of people, and no report is kept for too long."""
    kept, least = stores.period("trends"), stores.policy.least_people
    with look.trying():
        look.at("reports", 0)
        for row in stores.rows("trends"):
            with look.row("reports", row["id"]):
                look.ends("reports", kept.after(instant(row, "made_at")))
                for cells in row["tables"].values():
                    look.at("cells", len(cells))
                    look.expect(min(cells.values(), default=least) >= least, "tables with a cell of too few people")
    look.swept(stores, "session-expiry", "trends")
    for function in ("visit-trends", "account-trends"):
        with look.trying(function):
            look.ran(stores, function, "trends")


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
