"""Sending a marketing message by Amazon SES (v2 API), with the way out in its headers."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ParamValidationError


class NotTakenError(Exception):
    """SES did not take the message, for certain: it may be tried again. What went wrong is the cause."""


@dataclass(frozen=True, slots=True)
class Text:
    """A message without its addresses. `way_out` is the link that takes a one-click POST."""

    subject: str
    body: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Post:
    """The sender of our marketing. `ses` makes each call once."""

    ses: Any
    sender: str

    def send(self, to: str, text: Text) -> None:
        """Send a plain-text message with the headers of RFC 8058, section 3.1, to one address.

        Raises: NotTakenError; anything else (a lost answer, an error within SES) leaves open whether it went out. The
        text of what boto3 raises may name the address.
        """
        headers = {"List-Unsubscribe": f"<{text.way_out}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        try:
            self.ses.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": text.subject, "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": text.body, "Charset": "UTF-8"}},
                        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
                    }
                },
            )
        except (EndpointConnectionError, ConnectTimeoutError, ParamValidationError) as error:
            raise NotTakenError from error
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
                raise
            raise NotTakenError from error
