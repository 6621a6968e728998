"""Sending a marketing message with the way out in its headers."""

from dataclasses import dataclass

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ParamValidationError

from privacy.egress import Letters, NotRegisteredError


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
    """The sender of our marketing. The client that its `letters` go by makes each call once."""

    letters: Letters

    def send(self, to: str, text: Text) -> None:
        """Send a plain-text message with the headers of RFC 8058, section 3.1, to one address.

        Raises: NotTakenError; anything else (a lost answer, an error within SES) leaves open whether it went out. The
        text of what boto3 raises may name the address.
        """
        headers = {"List-Unsubscribe": f"<{text.way_out}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        try:
            self.letters.send(to, text.subject, text.body, headers)
        except (EndpointConnectionError, ConnectTimeoutError, ParamValidationError, NotRegisteredError) as error:
            raise NotTakenError from error
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
                raise
            raise NotTakenError from error
