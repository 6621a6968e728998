"""A form passes by its score alone (promise signup.captcha)."""

from dataclasses import fields
from typing import Any

import pytest

from privacy.models.captcha import ScoreDecision, ScoreError, decide, decide_without_score

pytestmark = pytest.mark.promise("signup.captcha")


@pytest.mark.parametrize(
    ("score", "accepted"), [(0, False), (0.49999, False), (0.5, True), (0.9, True), (1, True), (1.0, True)]
)
def test_a_score_at_the_threshold_passes_and_one_below_does_not(score: float, accepted: bool) -> None:
    assert decide(score, threshold=0.5) == ScoreDecision(score, accepted)


@pytest.mark.parametrize("score", [None, "0.9", True, -0.1, 1.1, float("nan"), float("inf"), [], {}])
def test_an_answer_without_a_score_is_no_score(score: Any) -> None:
    with pytest.raises(ScoreError):
        decide(score, threshold=0.5)


@pytest.mark.parametrize("let_through", [True, False])
def test_without_a_verifier_the_setting_decides_and_no_score_is_made_up(let_through: bool) -> None:
    assert decide_without_score(let_through=let_through) == ScoreDecision(None, let_through)


def test_only_the_score_and_the_decision_can_be_stored() -> None:
    assert [field.name for field in fields(ScoreDecision)] == ["score", "accepted"]
