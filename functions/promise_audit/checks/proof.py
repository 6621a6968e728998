"""The audit itself: that it has a check for every promise, runs, and knows everything that is deployed (drift)."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from promise_audit.checks.policies import mapping
from promise_audit.checks.security import deployed_tables
from promise_audit.inventory import BUCKETS, HOME_QUEUES, REGION_QUEUES, SCHEDULES, TABLES
from promise_audit.looking import Look
from promise_audit.stores import NotDeployedError, Stores, instant

Check = Callable[[Stores, Look], None]

_STALE = timedelta(hours=3)
"""What was looked at longer ago says nothing any more."""


def proof(checks: Mapping[str, str]) -> Check:
    """The check of audit.proof over the names of all checks, by promise."""

    def audit_proof(stores: Stores, look: Look) -> None:
        """Every promise in force has its check, every store is one that the checks know, and they ran lately."""
        named = {row["id"]: row["checked_by"] for row in mapping()["promises"] if row["kept_by"]}
        for promise in stores.policy.promises:
            look.at("promises")
            look.expect(promise in checks, "promises without a check")
            look.expect(
                named.get(promise, checks.get(promise)) == checks.get(promise),
                "promises that are mapped to another check",
            )
        for name, region in stores.regions.items():
            with look.trying(name):
                _known(stores, look, region)
        with look.trying("earlier findings"):
            look.at("earlier findings", 0)
            for row in stores.rows("findings"):
                if row["entry"] == "now":
                    with look.row("earlier findings"):
                        if stores.now - instant(row, "checked_at") > _STALE:
                            look.doubt("findings that were three hours old")
        with look.trying("schedules"):
            look.at("schedules")
            _ticks(stores, look)
        look.letters(stores, "schedule")

    return audit_proof


def _ticks(stores: Stores, look: Look) -> None:
    """The audit itself starts as often as it has to; whether the others do, the checks that rely on them see."""
    every = stores.ticks("promise-audit")
    look.expect(every is not None, "schedules that are off or gone: promise-audit", "promise-audit")
    look.expect(every is None or every <= SCHEDULES["promise-audit"], "schedules that start too seldom: promise-audit")


def _known(stores: Stores, look: Look, region: str) -> None:
    tables = deployed_tables(stores, region)
    for thing in tables:
        look.at("tables")
        look.expect(thing in TABLES, "tables that no check knows", thing)
    is_home = region == stores.home
    for thing in (thing for thing, kept in TABLES.items() if kept.everywhere or is_home):
        if thing not in tables:
            raise NotDeployedError(thing)
    ending = f"-{stores.account}-{region}"
    for bucket in stores.client("s3", region).list_buckets()["Buckets"]:
        if bucket["Name"].startswith(f"{stores.stack}-") and bucket["Name"].endswith(ending):
            thing = bucket["Name"].removeprefix(f"{stores.stack}-").removesuffix(ending)
            look.at("buckets")
            look.expect(thing in BUCKETS, "buckets that no check knows", thing)
    queues = {*HOME_QUEUES, *REGION_QUEUES, "schedule"}
    pages = stores.client("sqs", region).get_paginator("list_queues").paginate(QueueNamePrefix=f"{stores.stack}-")
    for page in pages:
        for url in page.get("QueueUrls", []):
            thing = url.rsplit("/", 1)[-1].removeprefix(f"{stores.stack}-").removesuffix("-dead")
            look.at("queues")
            look.expect(thing in queues, "queues that no check knows", thing)
