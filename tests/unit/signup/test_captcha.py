"""The verifiers: what Google is asked, and what is made of every answer it may give."""

import json
from typing import Any

import pytest
import urllib3

from privacy.policy import load
from signup.captcha import Google, Local, TokenRefusedError, VerifierDownError, judge


class Pool:
    """Stands for the network: gives one answer, or breaks, and remembers what it was asked."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer, self.status = answer, status
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: str, url: str, **options: Any) -> Any:
        self.asked.append((method, url, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        data = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return urllib3.HTTPResponse(body=data, status=self.status, preload_content=True)


def google(answer: Any, status: int = 200) -> tuple[Google, Pool]:
    pool = Pool(answer, status)
    return Google(lambda: b"our-secret", pool, load()), pool  # type: ignore[arg-type]  # a fake by hand


@pytest.mark.promise("signup.captcha")
def test_google_gets_our_secret_and_the_token_and_never_the_address() -> None:
    verifier, pool = google({"success": True, "score": 0.7, "action": "signup", "hostname": "perfectwork.app"})
    assert verifier.score("the-token") == 0.7
    ((method, url, options),) = pool.asked
    assert (method, url) == ("POST", "https://www.google.com/recaptcha/api/siteverify")
    assert options["fields"] == {"secret": "our-secret", "response": "the-token"}
    assert options["timeout"].total == 2.0
    assert options["retries"] is False
    assert options["redirect"] is False
    assert "headers" not in options


@pytest.mark.promise("signup.captcha")
@pytest.mark.parametrize("codes", [["timeout-or-duplicate"], ["invalid-input-response"], []])
def test_a_token_that_google_refuses_is_refused(codes: list[str]) -> None:
    verifier, _ = google({"success": False, "error-codes": codes})
    with pytest.raises(TokenRefusedError):
        verifier.score("the-token")
    assert not judge(verifier, "the-token", minimum=0.0, let_through=True).accepted


@pytest.mark.promise("signup.captcha")
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (urllib3.exceptions.ConnectTimeoutError(), 200),
        (urllib3.exceptions.ReadTimeoutError(None, "", ""), 200),  # type: ignore[arg-type]
        (urllib3.exceptions.ProtocolError(), 200),
        (b"<html>gateway</html>", 200),
        (b"\xff\xfe", 200),
        ([], 200),
        ({"success": True, "score": 0.9}, 500),
        ({"success": True, "score": 0.9}, 302),
        ({"success": False, "error-codes": ["invalid-input-secret"]}, 200),
        ({"success": False}, 200),
        ({"success": "true", "score": 0.9}, 200),
        ({"success": True}, 200),
        ({"success": True, "score": "0.9"}, 200),
        ({"success": True, "score": 7}, 200),
        ({"success": True, "score": True}, 200),
    ],
)
def test_whatever_else_google_answers_is_an_outage_and_follows_the_setting(answer: Any, status: int) -> None:
    verifier, _ = google(answer, status)
    decision = judge(verifier, "the-token", minimum=0.5, let_through=True)
    assert (decision.accepted, decision.score) == (True, None)
    with pytest.raises(VerifierDownError):
        judge(verifier, "the-token", minimum=0.5, let_through=False)


@pytest.mark.promise("signup.captcha")
def test_the_local_verifier_takes_its_score_from_the_token() -> None:
    local = Local()
    assert local.score("anything") == 0.9
    assert local.score("score:0.1") == 0.1
    with pytest.raises(TokenRefusedError):
        local.score("score:much")
    with pytest.raises(VerifierDownError):
        local.score("down")


def test_no_error_of_a_verifier_tells_the_token() -> None:
    for answer in (urllib3.exceptions.ProtocolError("canary-token"), {"success": False}):
        verifier, _ = google(answer)
        with pytest.raises(VerifierDownError) as caught:
            verifier.score("canary-token")
        assert "canary-token" not in str(caught.value)
