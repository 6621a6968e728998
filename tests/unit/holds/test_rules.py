"""The rules of holds, alone: what a scope covers, how long something is kept, and what a hold takes over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privacy.models.holds import Ground, Hold, Scope, VisitScope, kept_until, remembered_from
from privacy.models.visits import place_of, visit_id
from tests.unit.engine import NOON

pytestmark = pytest.mark.promise("visits.retention")

SECOND = timedelta(seconds=1)
ANY = Scope.model_validate({"visits": {"addresses": "0.0.0.0/0"}})


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def hold(since: int | None, until: int, released: int | None = None, *, created: int | None = None) -> Hold:
    return Hold(
        id=f"hld_{since}_{until}",
        owner="somebody",
        ground=Ground.LAW,
        reason="a test",
        scope=ANY,
        created_at=at(since or 0 if created is None else created),
        until=at(until),
        since=None if since is None else at(since),
        released_at=None if released is None else at(released),
    )


@pytest.mark.parametrize(
    ("addresses", "address", "covered"),
    [
        ("203.0.113.0/24", "203.0.113.0", True),
        ("203.0.113.0/24", "203.0.113.255", True),
        ("203.0.113.0/24", "203.0.114.0", False),
        ("203.0.113.0/24", "203.0.112.255", False),
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8::/32", "2001:db8:ffff::1", True),
        ("2001:db8::/32", "2001:db9::", False),
        ("::/0", "203.0.113.7", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("0.0.0.0/0", None, False),
        ("0.0.0.0/0", "no address", False),
    ],
)
def test_a_network_covers_its_own_addresses(addresses: str, address: str | None, covered: bool) -> None:
    scope = VisitScope.model_validate({"addresses": addresses})
    assert scope.covers("vis_x", address, NOON) is covered


def test_a_window_has_its_first_second_and_not_its_last() -> None:
    scope = VisitScope.model_validate({"from": "2026-11-24T12:00:00Z", "to": "2026-11-24T13:00:00Z"})
    ends = NOON + timedelta(hours=1)
    assert [scope.covers("vis_x", None, when) for when in (NOON - SECOND, NOON, ends - SECOND, ends)] == [
        False,
        True,
        True,
        False,
    ]


def test_all_that_a_scope_names_must_be_true_of_a_visit() -> None:
    one = visit_id("0a", "001795521600#0123456789abcdef")
    scope = VisitScope.model_validate({"addresses": "203.0.113.0/24", "from": "2026-11-24T12:00:00Z", "ids": [one]})
    assert scope.covers(one, "203.0.113.7", NOON)
    assert not scope.covers(one.replace("0a", "0b"), "203.0.113.7", NOON)
    assert not scope.covers(one, "203.0.114.7", NOON)
    assert not scope.covers(one, "203.0.113.7", NOON - SECOND)


def test_a_visit_s_id_leads_to_its_row_and_nothing_else_does() -> None:
    place = ("0a", "001795521600#0123456789abcdef")
    assert place_of(visit_id(*place)) == place
    for text in (
        "",
        "vis_",
        "0a#001795521600",
        visit_id("10", place[1]),
        visit_id(*place) + "0",
        f" {visit_id(*place)}",
    ):
        assert place_of(text) is None


SPANS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.none() | st.integers(0, 30), st.booleans())


def _holds(spans: Sequence[tuple[int, int, int | None, bool]]) -> list[Hold]:
    return [
        hold(None if preparing else since, until, released, created=since)
        for since, until, released, preparing in spans
    ]


@given(st.integers(0, 30), st.lists(SPANS, max_size=6))
@example(10, [(10, 20, None, False)])
@example(9, [(10, 20, None, False)])
@example(5, [(0, 10, None, False), (10, 20, None, False)])
def test_a_thing_goes_at_the_first_second_from_its_end_on_at_which_no_hold_keeps_it(
    end: int, spans: list[tuple[int, int, int | None, bool]]
) -> None:
    holds = _holds(spans)
    second = end
    while any(one.starts_at <= at(second) < one.ended_at for one in holds):
        second += 1
    assert kept_until(at(end), holds) == at(second)
    assert kept_until(at(end), holds[::-1]) == at(second)


def test_what_ended_a_second_before_a_hold_is_not_kept_and_what_ends_with_its_beginning_is() -> None:
    kept = hold(10, 20)
    assert kept_until(at(9), [kept]) == at(9)
    assert kept_until(at(10), [kept]) == at(20)
    assert kept_until(at(25), [kept]) == at(25)


def test_a_hold_takes_over_what_another_still_keeps_and_not_what_it_let_go() -> None:
    assert kept_until(at(5), [hold(0, 20), hold(15, 40)]) == at(40)
    assert kept_until(at(5), [hold(0, 20, released=14), hold(15, 40)]) == at(14)
    assert kept_until(at(5), [hold(0, 20, released=15), hold(15, 40)]) == at(40)
    assert kept_until(at(5), [hold(15, 40)]) == at(5)


@given(st.integers(0, 30), st.lists(SPANS, min_size=1, max_size=6))
def test_a_hold_is_remembered_as_long_as_something_is_kept_by_what_is_known_of_it(
    end: int, spans: list[tuple[int, int, int | None, bool]]
) -> None:
    holds = _holds(spans)
    kept = kept_until(at(end), holds)
    for one in holds:
        forgotten = [other for other in holds if other is not one]
        if kept_until(at(end), forgotten) != kept:
            assert remembered_from(one, holds) >= kept


def test_only_what_may_share_something_is_remembered_for_it() -> None:
    def scoped(scope: Any) -> Scope:
        return Scope.model_validate(scope)

    def may_meet(one: Any, other: Any) -> bool:
        met = scoped({"visits": one}).may_meet(scoped({"visits": other}))
        assert met == scoped({"visits": other}).may_meet(scoped({"visits": one}))
        return met

    week = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-08T00:00:00Z"}
    assert may_meet({"addresses": "203.0.113.0/24"}, {"addresses": "203.0.113.7"})
    assert not may_meet({"addresses": "203.0.113.0/24"}, {"addresses": "203.0.114.0/24"})
    assert not may_meet({"addresses": "203.0.113.0/24"}, {"addresses": "2001:db8::/32"})
    assert may_meet({"addresses": "203.0.113.0/24"}, dict(week))
    assert not may_meet(dict(week), {"from": "2026-11-08T00:00:00Z"})
    assert may_meet(dict(week), {"from": "2026-11-07T23:59:59Z"})
    one, other = (visit_id("0a", f"001795521600#{digit * 16}") for digit in "12")
    assert not may_meet({"ids": [one]}, {"ids": [other]})
    assert may_meet({"ids": [one]}, {"ids": [other, one]})
    ada, bob = ({"account_id": "acc_" + letter * 26} for letter in "ab")
    assert scoped(ada).may_meet(scoped(ada))
    assert not scoped(ada).may_meet(scoped(bob))
    assert not scoped(ada).may_meet(ANY)
