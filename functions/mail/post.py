"""Sending a mail by Amazon SES (v2 API)."""

from dataclasses import dataclass
from typing import Any

from mail.texts import Text


@dataclass(frozen=True, slots=True)
class Post:
    """The sender of all our mails."""

    ses: Any
    sender: str

    def send(self, to: str, text: Text) -> None:
        """Send a plain-text mail to one address. Raises: what boto3 raises, whose text may name the address."""
        self.ses.send_email(
            FromEmailAddress=self.sender,
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": {"Data": text.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text.body, "Charset": "UTF-8"}},
                }
            },
        )
