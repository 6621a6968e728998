"""Whether a form passes its protection: the anonymous score against a threshold, and nothing else
(promise signup.captcha).
"""

from dataclasses import dataclass


class ScoreError(ValueError):
    """The verifier's answer holds no score from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ScoreDecision:
    """What is decided about a form, and the score alone, which is all that may be stored.

    `score` is None when the verifier could not be asked and the setting lets forms through.
    """

    score: float | None
    accepted: bool


def decide(score: object, *, threshold: float) -> ScoreDecision:
    """Accept a score at or above the threshold; 0 is surely a machine, 1 surely a person (reCAPTCHA v3).

    Raises: ScoreError when the verifier's answer is no number from 0 to 1.
    """
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise ScoreError("a score is a number from 0 to 1")
    return ScoreDecision(float(score), score >= threshold)


def decide_without_score(*, let_through: bool) -> ScoreDecision:
    """What to do with a form while the verifier is down: what the setting says."""
    return ScoreDecision(None, let_through)
