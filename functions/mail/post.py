"""Sending a mail that the queue asked for."""

from dataclasses import dataclass

from mail.texts import Text
from privacy.egress import Letters


@dataclass(frozen=True, slots=True)
class Post:
    """The sender of the mails that `mail.texts` words."""

    letters: Letters

    def send(self, to: str, text: Text) -> None:
        """Send a mail to one address; see Letters.send."""
        self.letters.send(to, text.subject, text.body)
