"""Form protection: who judges a captcha token, and what becomes of a form (promise signup.captcha).

Only the token goes out, with our secret; the visitor's address never. Only the score comes to stay.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import urllib3

from privacy.egress import pass_through
from privacy.models.captcha import ScoreDecision, ScoreError, decide, decide_without_score
from privacy.policy import Policy

PROCESSOR, PURPOSE = "google-recaptcha", "form-protection"
"""As the register names them (promise processors.register)."""

PATH = "/recaptcha/api/siteverify"
"""https://developers.google.com/recaptcha/docs/verify"""

TIMEOUT_SECONDS = 2.0
"""For the whole of the connection, and again for the answer: a visitor waits for it."""

_OUR_FAULT = frozenset({"missing-input-secret", "invalid-input-secret", "bad-request"})
"""Refusals that say nothing of the token: then nobody was asked about it."""


class VerifierDownError(Exception):
    """The verifier could not be asked, or did not give a usable answer."""


class TokenRefusedError(Exception):
    """The verifier says that the token is none, is too old, or was used before."""


class Verifier(Protocol):
    """Judges tokens."""

    def score(self, token: str) -> object:
        """What the verifier takes for a score: how surely a person filled the form in.

        Raises: TokenRefusedError, VerifierDownError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Google:
    """reCAPTCHA v3."""

    secret: Callable[[], bytes]
    pool: urllib3.PoolManager
    policy: Policy

    def score(self, token: str) -> object:
        """Ask Google; see Verifier. Raises: NotRegisteredError when the register does not let the token through."""
        passed = pass_through(self.policy, PROCESSOR, PURPOSE, {"captcha_token": token})
        (host,) = self.policy.processors[PROCESSOR].hosts
        try:
            answer = self.pool.request(
                "POST",
                f"https://{host}{PATH}",
                fields={"secret": self.secret().decode("utf-8"), "response": str(passed["captcha_token"])},
                encode_multipart=False,
                timeout=urllib3.Timeout(total=TIMEOUT_SECONDS),
                retries=False,
                redirect=False,
            )
            document = json.loads(answer.data) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise VerifierDownError("the verifier gives no answer")
        if document.get("success") is True:
            return document.get("score")
        codes = document.get("error-codes")
        if not isinstance(codes, list) or _OUR_FAULT.intersection(map(str, codes)):
            raise VerifierDownError("the verifier refuses to judge")
        raise TokenRefusedError


class Local:
    """For the local engine, where Google is not asked: any token scores 0.9, `score:0.1` scores 0.1, and `down` behaves
    as an outage (docs/decisions.md).
    """

    def score(self, token: str) -> object:
        """Judge by the token's text; see Verifier."""
        if token == "down":  # noqa: S105  # a word of ours, no secret
            raise VerifierDownError("the local verifier plays an outage")
        word, _, number = token.partition(":")
        try:
            return float(number) if word == "score" else 0.9
        except ValueError:
            raise TokenRefusedError from None


def judge(verifier: Verifier, token: str, *, minimum: float, let_through: bool) -> ScoreDecision:
    """Decide about a form by its token; a verifier that is down, or talks nonsense, follows the setting `let_through`.

    Raises: VerifierDownError when the verifier is down and forms are not let through.
    """
    try:
        return decide(verifier.score(token), threshold=minimum)
    except TokenRefusedError:
        return ScoreDecision(None, accepted=False)
    except (VerifierDownError, ScoreError):
        decision = decide_without_score(let_through=let_through)
    if not decision.accepted:
        raise VerifierDownError("the verifier is down")
    return decision
