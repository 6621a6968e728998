"""What people gave ends with its purpose (promise accounts.necessity)."""

from typing import Any

import pytest

from tests.unit.customers import database
from tests.unit.engine import SetClock, everything, items, messages
from tests.unit.people import CANARIES, confirmed
from tests.unit.rights.conftest import World

pytestmark = pytest.mark.promise("accounts.necessity")


def accounts() -> list[dict[str, Any]]:
    return [row for row in items("accounts") if row["id"].startswith("acc_")]


def test_an_account_that_nobody_uses_ends_after_its_period_to_the_second(world: World, clock: SetClock) -> None:
    world.subscriber()
    clock.set(clock().replace(year=2029))
    clock.advance(seconds=-1)
    assert world.tick()["accounts"]["removed"] == 0
    assert len(accounts()) == 1
    clock.advance(seconds=1)
    swept = world.tick()["accounts"]
    assert (swept["removed"], swept["lag_seconds"]) == (1, 0)
    world.deliver()
    assert accounts() == []
    (request,) = items("erasures")
    assert (request["status"], request["origin"], request["decided_by"]) == (
        "erased",
        "accounts.unused",
        "account_expiry",
    )
    assert CANARIES["email"].encode() not in everything()


def test_signing_in_keeps_it_from_there_on(world: World, clock: SetClock) -> None:
    world.subscriber()
    clock.set(clock().replace(year=2028))
    assert world.sign_in().status == 201
    clock.set(clock().replace(year=2029))
    assert world.tick()["accounts"]["removed"] == 0
    clock.set(clock().replace(year=2031))
    assert world.tick()["accounts"]["removed"] == 1


def test_an_account_with_a_database_is_in_use(world: World, clock: SetClock) -> None:
    person = world.subscriber()
    database(world.website_parts, person.owner)
    clock.set(clock().replace(year=2033))
    swept = world.tick()["accounts"]
    assert (swept["removed"], swept["lag_seconds"]) == (0, 0)
    assert len(accounts()) == 1


def test_a_lead_of_a_download_ends_sooner(world: World, clock: SetClock) -> None:
    confirmed(world.website, world.website_parts, "download")
    clock.set(clock().replace(year=2027))
    clock.advance(seconds=-1)
    assert world.tick()["leads"]["removed"] == 0
    clock.advance(seconds=1)
    assert world.tick()["leads"]["removed"] == 1
    world.deliver()
    assert accounts() == []


def test_consent_to_marketing_ends_with_the_last_contact(world: World, clock: SetClock) -> None:
    world.subscriber(marketing_consent=True)
    clock.set(clock().replace(year=2028))
    clock.advance(seconds=-1)
    assert world.tick()["marketing"]["removed"] == 0
    clock.advance(seconds=1)
    assert world.tick()["marketing"]["removed"] == 1
    (row,) = accounts()
    assert row["marketing"]["agreed"] is False
    assert not {"marketing_shard", "marketing_at"} & set(row)
    assert world.tick()["marketing"]["removed"] == 0


def test_signing_in_is_a_contact_that_keeps_the_consent(world: World, clock: SetClock) -> None:
    world.subscriber(marketing_consent=True)
    clock.set(clock().replace(year=2027))
    world.sign_in()
    clock.set(clock().replace(year=2028))
    assert world.tick()["marketing"]["removed"] == 0
    assert accounts()[0]["marketing"]["agreed"] is True


def test_two_ticks_in_a_row_end_an_account_once(world: World, clock: SetClock) -> None:
    world.subscriber()
    clock.set(clock().replace(year=2030))
    world.tick()
    assert world.tick()["accounts"]["removed"] == 0
    assert len(items("erasures")) == 1
    assert len(messages("erasure")) == 2  # the second tick wakes it, which does no harm


def test_a_request_s_own_record_goes_at_its_end(world: World, clock: SetClock) -> None:
    person = world.subscriber()
    asked_at = clock()
    world.approved(person)
    world.deliver()
    clock.set(asked_at.replace(year=2029))
    clock.advance(seconds=-1)
    world.tick()
    assert len(items("erasures")) == 1
    clock.advance(seconds=1)
    assert world.tick()["requests"]["removed"] == 1
    assert items("erasures") == []
