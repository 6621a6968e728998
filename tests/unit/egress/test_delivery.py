"""Delivery: to a host of the register and no other, over verified HTTPS, and without a value in what it says."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from privacy.egress import Https, Letters, LostError, NotAHostError, Sink
from privacy.policy import in_force, load, versions

pytestmark = pytest.mark.promise("processors.allow-list")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "api-m.paypal.com.example.com",
        "evil-api-m.paypal.com",
        "api-m.paypal.com:8443",
        "API-M.PAYPAL.COM",
        "",
    ],
)
def test_no_other_host_is_reached(host: str) -> None:
    way = Https(load())
    for call in (way.post, way.ask):
        with pytest.raises(NotAHostError) as refused:
            call("paypal", host, "/canary", b"canary", {})
        assert "canary" not in str(refused.value)


def test_no_host_of_another_processor_is_reached() -> None:
    for processor, host in (("paypal", "api.stripe.com"), ("nobody", "api.stripe.com"), ("cloudflare", "")):
        with pytest.raises(NotAHostError):
            Https(load()).post(processor, host, "/", b"", {})


@dataclass
class Server:
    """A processor of the test's own on this machine: answers with a status, and remembers what came."""

    port: int
    status: int = 200
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            known.came.append((self.path, dict(self.headers), content))
            self.send_response(known.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Answering)
    known = Server(http.server_port)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    yield known
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.mark.parametrize("status", [200, 302, 400, 503])
def test_one_post_is_made_and_no_redirect_followed(server: Server, status: int) -> None:
    server.status = status
    assert (
        Sink(server.port).post("paypal", "api-m.paypal.com", "/payment", b"{}", {"Idempotency-Key": "dsc_1"}) == status
    )
    ((path, headers, content),) = server.came
    assert (path, headers["Idempotency-Key"], content) == ("/paypal/payment", "dsc_1", b"{}")


def test_a_lost_answer_tells_nothing_of_what_was_sent() -> None:
    with pytest.raises(LostError) as lost:
        Sink(1).post("paypal", "api-m.paypal.com", "/canary", b"canary", {"X": "canary"})
    assert "canary" not in str(lost.value)
    assert lost.value.__suppress_context__


def test_a_header_cannot_carry_another() -> None:
    with pytest.raises(LostError):
        Sink(1).post("paypal", "api-m.paypal.com", "/", b"", {"X": "a\r\nY: b"})


# --- mails ---------------------------------------------------------------------------------------------------------


@dataclass
class Ses:
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_email(self, **mail: Any) -> None:
        self.sent.append(mail)


@pytest.mark.parametrize("day", list(versions()))
def test_a_mail_leaves_as_it_was_written_under_every_policy(day: Any) -> None:
    ses = Ses()
    way_out = "<https://perfectwork.app/a?b=c: d>"
    headers = {"List-Unsubscribe": way_out, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    Letters(ses, "no-reply@perfectwork.app", in_force(day)).send("ada@example.com", "Hello", "a\nb: c\n", headers)
    (mail,) = ses.sent
    assert mail["Destination"] == {"ToAddresses": ["ada@example.com"]}
    simple = mail["Content"]["Simple"]
    assert (simple["Subject"]["Data"], simple["Body"]["Text"]["Data"]) == ("Hello", "a\nb: c\n")
    assert simple["Headers"] == [{"Name": name, "Value": value} for name, value in headers.items()]


def test_a_mail_without_headers_has_none() -> None:
    ses = Ses()
    Letters(ses, "no-reply@perfectwork.app", load()).send("ada@example.com", "Hello", "text")
    assert "Headers" not in ses.sent[0]["Content"]["Simple"]
