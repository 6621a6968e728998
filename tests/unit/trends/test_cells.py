"""What is told of a count: no small cell, nothing that is left to subtract, and noise that one person hides in."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.models.trends import ROUNDED_TO
from privacy.trends.cells import DELTA, EPSILON, MARGIN, OTHER, Noise, NoiseOf, published

pytestmark = pytest.mark.promise("disclosure.aggregate")

K = 10
KEY = b"a key of the tests"
TABLES = st.dictionaries(st.text(max_size=5), st.integers(1, 80), max_size=12) | st.dictionaries(
    st.text(max_size=5), st.integers(1, 2000), max_size=30
)
SEEDS = st.integers(0, 2**32).map(lambda seed: Noise(KEY, f"report {seed}").of("country"))


def drawn(people: int, times: int) -> list[int]:
    """The noise of a count in so many reports: the seed is fixed, for the key is."""
    return [Noise(KEY, f"report {number}").of("country")("SG", people) for number in range(times)]


@given(TABLES, SEEDS, st.integers(1, 50))
def test_no_cell_of_fewer_people_than_k_is_told_whatever_the_data(
    people: dict[str, int], noise: NoiseOf, k: int
) -> None:
    told = published(people, noise, k)
    for cell in told.keys() - {OTHER}:
        assert people[cell] >= k
    if told:
        assert sum(count for cell, count in people.items() if cell not in told or cell == OTHER) >= k


@given(TABLES, SEEDS)
def test_a_suppressed_cell_is_no_remainder_for_other_is_told_with_all_who_are_left_or_nothing_is(
    people: dict[str, int],
    noise: NoiseOf,
) -> None:
    told = published(people, noise, K)
    assert not told or OTHER in told
    assert all(count % ROUNDED_TO == 0 and count >= K + MARGIN - ROUNDED_TO // 2 for count in told.values())


@given(TABLES, SEEDS)
def test_what_is_told_does_not_depend_on_the_order_of_the_cells(people: dict[str, int], noise: NoiseOf) -> None:
    told = published(people, noise, K)
    assert published(dict(reversed(people.items())), noise, K) == told


def exactly(noise: dict[str, int] | None = None) -> NoiseOf:
    """A noise of a test's own."""
    return lambda cell, count: (noise or {}).get(cell, 0)


def test_a_small_cell_goes_into_other_and_takes_the_smallest_along_when_other_is_small_too() -> None:
    people = {"SG": 500, "US": 300, "DE": 60, "LI": 3}
    assert published(people, exactly(), K) == {"SG": 500, "US": 300, OTHER: 65}


def test_with_nobody_left_over_other_is_told_all_the_same_or_a_single_person_in_it_would_show() -> None:
    people = {"SG": 500, "US": 300, "DE": 60}
    assert published(people, exactly(), K) == {"SG": 500, "US": 300, OTHER: 60}


def test_enough_people_that_are_left_over_are_told_as_they_are() -> None:
    assert published({"SG": 500, "LI": 9, "MC": 9, OTHER: 40}, exactly(), K) == {"SG": 500, OTHER: 60}


def test_too_few_people_in_all_are_nothing() -> None:
    assert published({"SG": K + MARGIN - 1}, exactly(), K) == {}
    assert published({"SG": K + MARGIN}, exactly(), K) == {OTHER: 30}
    assert published({}, exactly(), K) == {}


@pytest.mark.parametrize("people", [K - 1, 1, 0])
def test_no_noise_lifts_a_cell_of_fewer_than_k_into_a_report(people: int) -> None:
    loud = exactly({"LI": 1000})
    assert "LI" not in published({"SG": 500, "LI": people}, loud, K)
    assert published({"LI": people}, exactly({OTHER: 1000}), K) == {}


def test_noise_lowers_a_cell_out_of_a_report() -> None:
    quiet = exactly({"DE": -40})
    assert published({"SG": 500, "DE": 60, OTHER: 90}, quiet, K) == {"SG": 500, OTHER: 150}


def test_other_has_noise_of_its_own() -> None:
    people = {"SG": 500, "LI": 9, OTHER: 51}
    assert published(people, exactly({OTHER: 15}), K) == {"SG": 500, OTHER: 75}
    assert published(people, exactly({OTHER: -40}), K) == {OTHER: 520}


def test_the_noise_is_discrete_laplace_with_the_stated_loss() -> None:
    times = 40_000
    found, alpha = Counter(drawn(100, times)), math.exp(-EPSILON)
    for noise in range(-8, 9):
        expected = times * (1 - alpha) / (1 + alpha) * alpha ** abs(noise)
        assert abs(found[noise] - expected) < 5 * math.sqrt(expected), noise
    assert abs(sum(noise * count for noise, count in found.items()) / times) < 0.1


def test_one_person_more_or_less_changes_the_odds_of_what_is_told_by_little() -> None:
    """Two data sets that differ by one person: of each output that is not rare, the odds differ by no more than the
    loss of the two counts that a person is in (and what the sample is uncertain by).
    """
    times = 12_000
    without, with_them = {"SG": 400, "DE": 60, "LI": 29}, {"SG": 400, "DE": 60, "LI": 30}
    seen = [
        Counter(
            tuple(sorted(published(people, Noise(KEY, f"{number}").of("country"), K).items()))
            for number in range(times)
        )
        for people in (without, with_them)
    ]
    compared = 0
    for told in seen[0] | seen[1]:
        one, other = seen[0][told], seen[1][told]
        if max(one, other) >= 300:
            compared += 1
            assert math.exp(-2 * EPSILON) * 0.8 < one / other < math.exp(2 * EPSILON) * 1.25
    assert compared >= 5
    assert sum((seen[0] & seen[1]).values()) > 0.6 * times  # what both tell: nobody can say which it was


def test_the_margin_makes_a_cell_of_just_k_people_as_rare_as_stated() -> None:
    alpha = math.exp(-EPSILON)
    assert alpha**MARGIN / (1 + alpha) <= DELTA < alpha ** (MARGIN - 1) / (1 + alpha)
    assert sum(noise >= MARGIN for noise in drawn(K, 40_000)) <= 12


def test_counting_again_gives_the_same_noise_and_nothing_to_average() -> None:
    again = {Noise(KEY, "visits/2026-11").of("country")("SG", 120) for _ in range(100)}
    assert len(again) == 1


def test_another_report_table_cell_count_or_key_has_noise_of_its_own() -> None:
    def noises(key: bytes, report: str, table: str, cell: str, count: int) -> list[int]:
        return [Noise(key, f"{report}/{number}").of(table)(cell, count) for number in range(50)]

    own = [
        noises(KEY, "visits", "country", "SG", 120),
        noises(KEY, "accounts", "country", "SG", 120),
        noises(KEY, "visits", "language", "SG", 120),
        noises(KEY, "visits", "country", "DE", 120),
        noises(KEY, "visits", "country", "SG", 121),
        noises(b"another", "visits", "country", "SG", 120),
    ]
    assert len({tuple(one) for one in own}) == len(own)
