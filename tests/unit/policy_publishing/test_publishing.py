"""The archive of the policy, and who is told of what changes in it: once each, whatever happens in between."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest

from policy_publishing.app import build
from policy_publishing.parts import Parts, assemble
from privacy.models.accounts import Account, Consent
from privacy.policy import Document, documents
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from privacy.tables.accounts import Accounts
from privacy.tables.store import transact
from tests.unit.engine import Context, SetClock, environment, gauges, items, messages, sample, schedule_event, table
from tests.unit.interference import KilledError, before_each_call, killed_at, once_before, recorded

pytestmark = pytest.mark.promise("policy.versions")

FIRST, SECOND, THIRD = date(2026, 11, 24), date(2026, 11, 27), date(2027, 2, 1)
DAY = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 26, 12, 0, tzinfo=UTC))


@pytest.fixture
def parts(stores: None, clock: SetClock) -> Parts:
    return assemble(load(Deployment, environment("PolicyPublishingFunction")), clock)


def tick(parts: Parts) -> Any:
    return build(lambda: parts)(schedule_event(parts.clock()), Context())


def release(*versions: tuple[date, Callable[[Any], object]]) -> Mapping[date, Document]:
    """What a release holds: the first version, and those that are made of the second by some change."""
    found = {FIRST: documents()[FIRST]}
    for day, change in versions:
        data = json.loads(json.dumps(dict(documents()[SECOND].data)))
        data["version"] = day.isoformat()
        change(data)
        found[day] = replace(documents()[SECOND], version=day, data=data, sha256=f"of {json.dumps(data)}")
    return MappingProxyType(found)


def same(data: Any) -> None:
    """The published second version."""


def longer(data: Any) -> None:
    """Visits are kept longer."""
    (row,) = [row for row in data["retention"] if row["id"] == "visits"]
    row["period"] = "P24M"


def shorter(data: Any) -> None:
    """Visits are kept shorter."""
    (row,) = [row for row in data["retention"] if row["id"] == "visits"]
    row["period"] = "P3M"


def account(number: int, version: str = "2026-11-24", *, lead: bool = False) -> str:
    """Somebody's account, made under a version."""
    made = Account(
        id=f"acc_{number:026d}",
        created_at=DAY,
        policy_version=version,
        email_tag=f"tag-{number}",
        profile={"kind": "download" if lead else "registration", "name": "N", "email": f"canary-{number}@example.org"},
        password_hash=None if lead else "$argon2id$",
        marketing=Consent(False, DAY, version),
        last_contact_at=DAY,
    )
    accounts = Accounts(table("accounts"))
    for row in accounts.create_operations(made):  # for a transaction the engine copies its tables, so not in one
        accounts.table.client.put_item(**row["Put"])
    return made.id


def told() -> list[tuple[str, str]]:
    """Whom the mail queue was given, and about which version."""
    found = [json.loads(body) for body in messages("mail")]
    assert all(message.keys() == {"kind", "id", "version"} and message["kind"] == "policy" for message in found)
    return sorted((message["id"], message["version"]) for message in found)


def test_each_version_is_archived_once_with_its_data_and_text(parts: Parts, capsys: pytest.CaptureFixture[str]) -> None:
    assert tick(parts)["policies"]["removed"] == len(documents())
    kept = items("policies")
    assert sorted(row["version"] for row in kept) == [day.isoformat() for day in documents()]
    for row in kept:
        document = documents()[date.fromisoformat(row["version"])]
        assert (row["sha256"], json.loads(row["document"]), row["text"]) == (
            document.sha256,
            dict(document.data),
            document.text,
        )
    assert tick(parts)["policies"]["removed"] == 0
    assert items("policies") == kept
    assert gauges(capsys.readouterr().out)["policies.edited"]["Edited"] == 0


def test_an_edited_version_rings_and_the_archive_keeps_the_first(
    parts: Parts, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    tick(parts)
    before = items("policies")
    edited = {**parts.versions, SECOND: replace(parts.versions[SECOND], sha256="another", text="Another text.")}
    tick(replace(parts, versions=edited))
    assert gauges(capsys.readouterr().out)["policies.edited"]["Edited"] == 1
    assert items("policies") == before
    tick(replace(parts, versions={FIRST: parts.versions[FIRST]}))
    gone = len(parts.versions) - 1
    assert gauges(capsys.readouterr().out)["policies.edited"]["Edited"] == gone, "versions that the release has no more"


def test_of_two_releases_that_archive_a_version_at_once_the_first_stays(
    parts: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    first = {FIRST: replace(parts.versions[FIRST], sha256="the first")}
    with once_before("dynamodb.PutItem", lambda: tick(replace(parts, versions=first))):
        tick(replace(parts, versions={FIRST: parts.versions[FIRST]}))
    (row,) = items("policies")
    assert row["sha256"] == "the first"
    assert gauges(capsys.readouterr().out)["policies.edited"]["Edited"] == 1


def test_the_first_version_ever_tells_nobody_anything(parts: Parts) -> None:
    account(1)
    tick(replace(parts, versions=release()))
    assert told() == []


def test_who_has_an_account_of_an_earlier_version_is_told_once_of_a_material_change(
    parts: Parts, clock: SetClock
) -> None:
    ada, lead = account(1), account(2, lead=True)
    account(3, "2026-11-27")
    assert tick(parts)["notices"]["removed"] == 2
    assert told() == [(ada, "2026-11-27"), (lead, "2026-11-27")]
    for _ in range(3):
        clock.advance(hours=13)
        tick(parts)
    assert told() == []


def test_who_comes_under_the_old_version_before_the_day_is_told_and_then_nobody_is_looked_for_any_more(
    parts: Parts, clock: SetClock
) -> None:
    tick(parts)
    early = account(1)
    clock.set(DAY)
    tick(parts)
    assert told() == [(early, "2026-11-27")]
    late = account(2)  # a function that began a second before midnight
    clock.advance(minutes=59, seconds=59)
    tick(parts)
    assert told() == [(late, "2026-11-27")]
    clock.advance(seconds=1)
    tick(parts)
    with recorded() as calls:
        tick(parts)
    assert calls == {"dynamodb.Query": 3}


def test_a_change_that_takes_nothing_from_anybody_is_not_told(parts: Parts) -> None:
    account(1, "2026-11-27")
    tick(replace(parts, versions=release((SECOND, same), (THIRD, shorter))))
    assert told() == []


def test_each_material_version_is_told_of_in_its_order(parts: Parts, clock: SetClock) -> None:
    old, newer = account(1), account(2, "2026-11-27")
    tick(replace(parts, versions=release((SECOND, same), (THIRD, longer))))
    assert told() == [(old, "2026-11-27"), (old, "2027-02-01"), (newer, "2027-02-01")]


def test_who_is_being_erased_is_not_told(parts: Parts) -> None:
    closed, gone = account(1), account(2)
    accounts = Accounts(table("accounts"))
    transact(accounts.table.client, [accounts.close_operation(closed)])
    accounts.table.delete({"id": gone})
    tick(parts)
    assert told() == []
    assert gone not in [row["id"] for row in items("accounts")]


def test_who_is_erased_while_they_are_told_is_not_made_anew(parts: Parts) -> None:
    gone = account(1)

    def erase(call: str) -> None:
        if call == "sqs.SendMessage":
            parts.accounts.table.delete({"id": gone})

    with before_each_call(erase):
        assert tick(parts)["notices"]["removed"] == 0
    assert gone not in [row["id"] for row in items("accounts")]


def test_a_worker_that_dies_anywhere_loses_no_mail_and_repeats_one_at_most(parts: Parts) -> None:
    ada = account(1)
    heard: list[tuple[str, str]] = []
    number = 0
    while True:
        try:
            with killed_at(number) as made:
                tick(parts)
        except (KilledError, SweepFailedError):
            heard += told()
            number += 1
            assert number < 50
            if heard:
                break
            continue
        break
    tick(parts)
    heard += told()
    assert set(heard) == {(ada, "2026-11-27")}
    assert len(heard) <= 2
    assert made
    tick(parts)
    assert told() == []


def test_more_people_than_one_call_reads_are_all_told(parts: Parts) -> None:
    everybody = [account(number) for number in range(130)]
    assert tick(parts)["notices"]["removed"] == 130
    found: list[tuple[str, str]] = []
    while batch := told():
        found += batch
    assert sorted({account_id for account_id, _ in found}) == everybody
    assert len(found) == 130


def test_a_tick_that_is_out_of_time_is_gone_on_with(parts: Parts) -> None:
    for number in range(260):  # a few more than are begun before the time is looked at
        account(number)
    hurried = build(lambda: parts)(schedule_event(parts.clock()), Context(seconds=1))
    assert hurried["notices"]["left"]
    assert tick(parts)["notices"]["removed"] == 260 - hurried["notices"]["removed"]


def test_how_late_somebody_is_told_is_measured_from_the_day(parts: Parts, clock: SetClock) -> None:
    account(1)
    assert tick(parts)["notices"]["lag_seconds"] == 0
    clock.set(DAY.replace(minute=30))
    account(2)
    assert tick(parts)["notices"]["lag_seconds"] == 1800


def test_samples(parts: Parts) -> None:
    handler = build(lambda: parts)
    assert handler(sample("policy_publishing/tick"), Context()).keys() == {"policies", "notices"}
    assert "error" in handler(sample("policy_publishing/bad-unknown-event"), Context())
