"""What our own code writes is what the audit takes for right: its rules are written apart from that code, and may not
fall behind it.
"""

from datetime import UTC, datetime, timedelta

import pytest

from account_trends.counting import TABLES as OF_ACCOUNTS
from privacy.models.browsers import BROWSERS, PLATFORMS
from privacy.models.consent import Choice
from privacy.models.disclosures import DisclosureStatus, erasure_notice, payment
from privacy.models.erasures import Databases, Erasure, ErasureStatus
from privacy.models.removals import Removal
from privacy.models.trends import ROUNDED_TO, SUBJECTS, Month, Report
from privacy.policy import load as policy
from privacy.settings import Deployment, load
from privacy.tables.choices import Choices
from privacy.tables.disclosures import Disclosures
from privacy.tables.erasures import Erasures
from privacy.tables.removals import Removals
from privacy.tables.store import transact
from privacy.tables.trends import Reports
from privacy.trends.cells import OTHER
from promise_audit.audit import examine
from promise_audit.checks import CHECKS
from promise_audit.looking import Finding, Status
from promise_audit.parts import assemble
from tests.unit.engine import environment, items, table
from tests.unit.promise_audit.world import ADA, NOW
from visit_trends.counting import TABLES as OF_VISITS

pytestmark = pytest.mark.promise("audit.proof")

MINUTE = timedelta(minutes=1)


def looked_at(promise: str) -> Finding:
    parts = assemble(load(Deployment, environment("PromiseAuditFunction")), lambda: NOW)
    return examine(promise, CHECKS[promise], parts.stores(lambda: True, lambda: True, {}))


@pytest.mark.parametrize(
    "reason",
    [
        "what it was to tell is erased",
        "not registered: company, postal_address",
        "the processor cannot be told exactly: amount",
        "the processor answered 422",
    ],
)
def test_a_disclosure_is_right_from_its_record_to_each_of_its_ends(world: None, reason: str) -> None:
    disclosures = Disclosures(table("disclosures"), policy())
    bills, erasure, at = [f"bil_{'b' * 25}{each}" for each in "acde"], f"ers_{'e' * 26}", NOW - MINUTE
    for four in (
        [payment("stripe", bill, ADA, at) for bill in bills],
        [erasure_notice("paypal", bill, erasure, at) for bill in bills],
    ):
        for one in four:
            disclosures.create(one)
            disclosures.queued_again(one.id, NOW)
        _, delivered, refused, again = four
        disclosures.delivered(delivered, NOW)
        for one in (refused, again):
            disclosures.refused(one, reason, NOW)
        disclosures.resend(again, NOW)
        disclosures.forget_person(refused.id)
    written = [row["status"] for row in items("disclosures")]
    assert set(written) == {status.value for status in DisclosureStatus}
    assert looked_at("processors.allow-list").status is Status.KEPT


def test_a_choice_is_right(world: None) -> None:
    for number in range(4):
        choice = Choice(bool(number % 2), number > 1, NOW.date(), policy().version)
        Choices(table("choices"), policy()).count(choice, gpc=not number)
    assert looked_at("cookies.choice").status is Status.KEPT


def test_a_report_is_right_with_every_name_that_a_group_can_have(world: None) -> None:
    names = {
        "country": ["SG", "US"],
        "browser": [*BROWSERS.values()],
        "platform": [*PLATFORMS.values()],
        "language": ["en", "fil"],
        "kind": ["trial", "registration", "subscription", "download", "contact"],
        "sector": ["film & media", "b2b", "web 3.0"],
        "interest": ["hosting / backups"],
    }
    people = policy().least_people * ROUNDED_TO
    month = Month.of(datetime(NOW.year, NOW.month, 1, tzinfo=UTC) - MINUTE)
    for subject, tables in zip(SUBJECTS, (OF_VISITS, OF_ACCOUNTS), strict=True):
        cells: dict[str, dict[str, int]] = {by: dict.fromkeys([*names[by], OTHER], people) for by in tables}
        empty = Report(
            subject, Month(2025, 1), NOW, policy().version.isoformat(), policy().least_people, {tables[0]: {}}
        )
        full = Report(subject, month, NOW, policy().version.isoformat(), policy().least_people, cells)
        for report in (empty, full):
            Reports(table("trends"), policy()).publish(report)
    finding = looked_at("disclosure.aggregate")
    assert finding.status is Status.KEPT, finding.evidence


def test_an_erasure_that_waits_for_a_grace_period_is_late_a_day_after_it_and_is_no_late_deletion(world: None) -> None:
    request, erasures = f"ers_{'k' * 26}", Erasures(table("erasures"), policy())
    for kept_since, status in ((21, Status.KEPT), (23, Status.BROKEN)):
        asked, decided = NOW - timedelta(days=kept_since + 20), NOW - timedelta(days=kept_since)
        waiting = Erasure(request, asked, ErasureStatus.APPROVED, Databases.KEEP, ADA, decided_at=decided)
        table("erasures").delete({"id": request})
        transact(table("erasures").client, [erasures.create_operation(waiting)])
        assert looked_at("rights.erase").status is status
    before = looked_at("databases.deletion").lags
    removals = Removals(table("removals"))
    removals.begin(Removal(request, "asia", NOW - timedelta(days=22), NOW, {}, 1))
    removals.settle(request, NOW, NOW, NOW)
    settled = removals.get(request)
    assert settled is not None
    transact(table("removals").client, [removals.finish_operation(settled, NOW)])
    assert looked_at("databases.deletion").lags == before
