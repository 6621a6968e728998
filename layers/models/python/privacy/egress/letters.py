"""Mails by Amazon SES (v2 API): the one place that sends any. They pass the gate like everything that leaves us."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from privacy.egress.gate import pass_through
from privacy.policy import Policy

PLATFORM = "aws"
PURPOSE = "mail"


@dataclass(frozen=True, slots=True)
class Letters:
    """The sender of all our mails. A policy of before our platform had a row says nothing of it: mails went then, too
    (docs/decisions.md).
    """

    ses: Any
    sender: str
    policy: Policy

    def send(self, to: str, subject: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        """Send a plain-text mail to one address.

        Raises: NotRegisteredError; what boto3 raises, whose text may name the address.
        """
        lines = "\n".join(f"{name}: {value}" for name, value in (headers or {}).items())
        written: dict[str, Any] = {"email": to, "subject": subject, "text": text}
        if lines:
            written["headers"] = lines
        if PLATFORM in self.policy.processors:
            written = pass_through(self.policy, PLATFORM, PURPOSE, written)
        simple: dict[str, Any] = {
            "Subject": {"Data": written["subject"], "Charset": "UTF-8"},
            "Body": {"Text": {"Data": written["text"], "Charset": "UTF-8"}},
        }
        if "headers" in written:
            pairs = (line.partition(": ") for line in written["headers"].split("\n"))
            simple["Headers"] = [{"Name": name, "Value": value} for name, _, value in pairs]
        self.ses.send_email(
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": [written["email"]]},
            Content={"Simple": simple},
        )
