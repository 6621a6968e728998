"""Disclosures on their way to the processors themselves: credentials, the one mail, and what is not configured."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

import pytest

import disclosure.app
import disclosure.parts
from disclosure.carrying import ToProcessors
from privacy.settings import load
from tests.unit.engine import Context, SetClock, environment, failures, items, messages, sqs_event
from tests.unit.people import CANARIES, ORDER
from tests.unit.rights.conftest import World

pytestmark = pytest.mark.promise("processors.allow-list")

SECRET = {
    "stripe": {"key": "sk_live_canary", "privacy": "privacy@stripe.com"},
    "paypal": {"client_id": "canary-id", "client_secret": "canary-secret", "privacy": "privacy@paypal.com"},
}


@dataclass
class Network:
    """Stands for the way to the processors: PayPal gives tokens, and both take what comes."""

    token: tuple[int, bytes] = (200, b'{"access_token": "canary-token", "expires_in": 31668}')
    posted: list[tuple[str, str, str, bytes, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, str, bytes, dict[str, str]]] = field(default_factory=list)

    def post(self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
        self.posted.append((processor, host, path, content, dict(headers)))
        return 201

    def ask(
        self, processor: str, host: str, path: str, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        self.asked.append((processor, host, path, content, dict(headers)))
        return self.token


@dataclass
class Way:
    """The worker as it is on AWS, but for the network, SES and the secret."""

    world: World
    carrier: ToProcessors
    network: Network
    handler: Any = None
    secret: dict[str, Any] | bytes = field(default_factory=lambda: json.loads(json.dumps(SECRET)))

    def go(self) -> int:
        return sum(
            len(failures(self.handler(sqs_event([body], "disclosure"), Context()))) for body in messages("disclosure")
        )

    def erased(self, **order: Any) -> str:
        """Have somebody's order disclosed and then their erasure approved and begun."""
        person = self.world.subscriber(order=ORDER | order)
        self.go()
        request_id = self.world.approved(person)
        for body in messages("erasure"):
            self.world.worker(sqs_event([body], "erasure"), Context())
        return request_id


@pytest.fixture
def way(world: World, clock: SetClock) -> Way:
    settings = load(disclosure.parts.DisclosureSettings, environment("DisclosureFunction"))
    parts = disclosure.parts.assemble(settings, clock)
    assert isinstance(parts.carrier, ToProcessors)
    network = Network()
    letters = replace(parts.carrier.letters, ses=world.ses)
    made = Way(world, parts.carrier, network)

    def secret() -> bytes:
        return made.secret if isinstance(made.secret, bytes) else json.dumps(made.secret).encode()

    made.carrier = replace(parts.carrier, sender=network, letters=letters, secret=secret)
    built = replace(parts, carrier=made.carrier)
    made.handler = disclosure.app.build(lambda: built)
    return made


def recorded(purpose: str = "payment") -> dict[str, Any]:
    (row,) = [row for row in items("disclosures") if row["purpose"] == purpose]
    return row


def test_stripe_is_called_at_its_host_with_its_key(world: World, way: Way) -> None:
    world.subscriber(order=ORDER | {"processor": "stripe"})
    assert way.go() == 0
    ((processor, host, path, content, headers),) = way.network.posted
    assert (processor, host, path) == ("stripe", "api.stripe.com", "/v1/payment_intents")
    assert (headers["Authorization"], headers["Idempotency-Key"]) == ("Bearer sk_live_canary", recorded()["id"])
    assert parse_qs(content.decode())["receipt_email"] == [CANARIES["email"]]
    assert way.network.asked == []
    assert recorded()["status"] == "delivered"


def test_paypal_is_called_with_a_token_that_its_credentials_are_changed_for(world: World, way: Way) -> None:
    world.subscriber(order=ORDER | {"processor": "paypal"})
    assert way.go() == 0
    ((_, host, path, content, headers),) = way.network.asked
    assert (host, path, content) == ("api-m.paypal.com", "/v1/oauth2/token", b"grant_type=client_credentials")
    assert headers["Authorization"] == f"Basic {base64.b64encode(b'canary-id:canary-secret').decode()}"
    ((_, host, path, content, headers),) = way.network.posted
    assert (host, path) == ("api-m.paypal.com", "/v2/checkout/orders")
    assert (headers["Authorization"], headers["PayPal-Request-Id"]) == ("Bearer canary-token", recorded()["id"])
    assert json.loads(content)["purchase_units"][0]["invoice_id"] == ORDER["reference"]


@pytest.mark.parametrize(
    "token", [(401, b'{"access_token": "canary"}'), (503, b""), (200, b"canary"), (200, b"[]"), (200, b"{}")]
)
def test_without_a_token_the_disclosure_waits(
    world: World, way: Way, token: tuple[int, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    world.subscriber(order=ORDER | {"processor": "paypal"})
    way.network.token = token
    assert way.go() == 1
    assert way.network.posted == []
    assert recorded()["status"] == "queued"
    assert "canary" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "secret",
    [
        b"x" * 40,
        {},
        {"paypal": {"key": "canary"}},
        {"stripe": "canary"},
        {"stripe": {"key": ""}},
        {"stripe": {"key": ["canary"]}},
    ],
)
def test_without_credentials_a_disclosure_waits_and_nothing_leaves(
    world: World, way: Way, secret: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    world.subscriber(order=ORDER | {"processor": "stripe"})
    way.secret = secret
    assert way.go() == 1
    assert (way.network.posted, way.network.asked) == ([], [])
    assert recorded()["status"] == "queued"
    assert "canary" not in capsys.readouterr().out


def test_an_amount_that_a_processor_cannot_be_told_is_refused_and_rings(
    world: World, way: Way, capsys: pytest.CaptureFixture[str]
) -> None:
    world.subscriber(order=ORDER | {"processor": "stripe", "amount": "12.345", "currency": "KWD"})
    assert way.go() == 0
    assert way.network.posted == []
    assert (recorded()["status"], recorded()["reason"]) == ("refused", "the processor cannot be told exactly: amount")
    assert '"Refused":[1.0]' in capsys.readouterr().out.replace(" ", "")


@pytest.mark.promise("rights.erase")
@pytest.mark.parametrize("processor", ["stripe", "paypal"])
def test_word_of_an_erasure_goes_by_mail_to_the_privacy_contact(way: Way, processor: str) -> None:
    way.erased(processor=processor)
    before = len(way.network.posted)
    assert way.go() == 0
    assert len(way.network.posted) == before
    (mail,) = way.world.ses.to(f"privacy@{processor}.com")
    assert mail.count(ORDER["reference"]) == 1
    assert recorded("erasure-notice")["id"] in mail
    assert not [value for name, value in CANARIES.items() if value in mail]
    assert recorded("erasure-notice")["status"] == "delivered"


@pytest.mark.promise("rights.erase")
@pytest.mark.parametrize(
    "contact",
    [
        "privacy@example.com",
        "privacy@paypal.com",
        "privacy@notstripe.com",
        "privacy@tripe.com",
        "privacy@stripe.com.example.com",
        "privacy@com",
        "privacy@",
        "privacy",
        None,
        7,
    ],
)
def test_no_other_mailbox_than_one_at_the_processor_s_domain_gets_word(way: Way, contact: Any) -> None:
    way.erased(processor="stripe")
    assert isinstance(way.secret, dict)
    way.secret["stripe"]["privacy"] = contact
    sent = len(way.world.ses.sent)
    assert way.go() == 1
    assert len(way.world.ses.sent) == sent
    assert recorded("erasure-notice")["status"] == "queued"


@pytest.mark.promise("rights.erase")
def test_a_notice_that_ses_does_not_take_comes_again(way: Way) -> None:
    request_id = way.erased(processor="stripe")
    way.world.ses.broken = 1
    (body,) = messages("disclosure")
    assert len(failures(way.handler(sqs_event([body], "disclosure"), Context()))) == 1
    assert recorded("erasure-notice")["status"] == "queued"
    assert failures(way.handler(sqs_event([body], "disclosure"), Context())) == []
    assert recorded("erasure-notice")["ground"] == request_id
