"""How a disclosure that passed the gate gets to its processor: by its own interface, by mail, or to the sink."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from privacy.egress import Asking, Letters, LostError, NotAHostError, Sender, spelling
from privacy.egress.gate import Scalar
from privacy.models.disclosures import ERASURE_NOTICE, Disclosure
from privacy.policy import Policy

TAKEN = 202
"""What a mail that SES took counts as."""

_TOKEN = "/v1/oauth2/token"  # noqa: S105 - a path, no token (https://developer.paypal.com/api/rest/authentication/)


class NotConfiguredError(Exception):
    """The secret `processors` does not say with what credentials, or where, a processor takes this."""


class Carrier(Protocol):
    """Brings a disclosure to its processor."""

    def carry(self, disclosure: Disclosure, fields: Mapping[str, Scalar]) -> int:
        """Carry the fields; the status of the answer.

        Raises: UnsayableError, NotConfiguredError, NotAHostError, LostError.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToSink:
    """On the local engine: the fields by their registered names, whatever a processor would have them called."""

    sender: Sender

    def carry(self, disclosure: Disclosure, fields: Mapping[str, Scalar]) -> int:
        """See Carrier."""
        headers = {"Content-Type": spelling.JSON, "Idempotency-Key": disclosure.idempotency_key}
        content = json.dumps(fields).encode("ascii")
        return self.sender.post(disclosure.processor, "", f"/{disclosure.purpose}", content, headers)


@dataclass(frozen=True, slots=True)
class ToProcessors:
    """Orders to the processors' interfaces, word of an erasure to their privacy contacts. The secret is asked for each
    time, so that it can be rotated.
    """

    policy: Policy
    sender: Asking
    letters: Letters
    secret: Callable[[], bytes]

    def carry(self, disclosure: Disclosure, fields: Mapping[str, Scalar]) -> int:
        """See Carrier."""
        processor = disclosure.processor
        row = _row(self.secret, processor)
        if disclosure.purpose == ERASURE_NOTICE:
            return self._write(disclosure, str(fields["reference"]), _text(row, processor, "privacy"))
        request = spelling.payment(processor, fields, disclosure.idempotency_key)
        hosts = self.policy.processors[processor].hosts
        host = hosts[0] if hosts else ""
        headers = {**request.headers, "Authorization": f"Bearer {self._bearer(processor, host, row)}"}
        return self.sender.post(processor, host, request.path, request.content, headers)

    def _write(self, disclosure: Disclosure, reference: str, to: str) -> int:
        """A mail to a processor's own domain, and no other."""
        processor = self.policy.processors[disclosure.processor]
        _, _, domain = to.rpartition("@")
        if "." not in domain or not any(host.endswith(f".{domain}") for host in processor.hosts):
            raise NotAHostError(f"the privacy contact of {processor.id} is not at its domain")
        try:
            self.letters.send(to, *spelling.notice(processor.name, reference, disclosure.id))
        except (BotoCoreError, ClientError):  # their texts may tell what was sent
            raise LostError("SES did not take the notice") from None
        return TAKEN

    def _bearer(self, processor: str, host: str, row: Mapping[str, Any]) -> str:
        """Stripe's key; for PayPal a token that its credentials are changed for, used once."""
        if processor != "paypal":
            return _text(row, processor, "key")
        pair = f"{_text(row, processor, 'client_id')}:{_text(row, processor, 'client_secret')}"
        headers = {
            "Content-Type": spelling.FORM,
            "Authorization": f"Basic {base64.b64encode(pair.encode('utf-8')).decode('ascii')}",
        }
        status, content = self.sender.ask(processor, host, _TOKEN, b"grant_type=client_credentials", headers)
        if status != 200:
            raise NotConfiguredError(f"{processor} gives no token for these credentials: it answered {status}")
        try:
            return _text(json.loads(content), processor, "access_token")
        except ValueError:
            raise NotConfiguredError(f"{processor} gave a token that cannot be read") from None


def _row(secret: Callable[[], bytes], processor: str) -> Mapping[str, Any]:
    """Raises: NotConfiguredError, which tells nothing of the secret."""
    try:
        row = json.loads(secret())[processor]
    except (ValueError, KeyError, TypeError):
        row = None
    if not isinstance(row, dict):
        raise NotConfiguredError(f"the secret processors has no row for {processor}")
    return row


def _text(row: Any, processor: str, name: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, str) or not value:
        raise NotConfiguredError(f"{name} of {processor} is missing")
    return value
