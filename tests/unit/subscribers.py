"""People with an account who agreed to marketing, or did not; and the SES that their messages go to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from privacy.models.accounts import Account, Consent
from privacy.models.ids import new_id
from privacy.tables.accounts import Accounts
from privacy.tables.store import transact
from tests.unit.engine import NOON, table

ADDRESS = "canary-subscriber-oxbow@example.org"


def subscriber(
    email: str = ADDRESS,
    *,
    agreed: bool = True,
    kind: str = "registration",
    now: datetime = NOON,
    account_id: str | None = None,
) -> str:
    """Somebody's account, as a confirmed sign-up leaves it; its id."""
    account = Account(
        id=account_id or new_id("acc"),
        created_at=now,
        policy_version="2026-11-24",
        email_tag=f"tag-of-{new_id('x')}",
        profile={"kind": kind, "name": "Canary Subscriber Oxbow", "email": email},
        password_hash="$argon2id$a-hash",
        marketing=Consent(agreed, now, "2026-11-24"),
        last_contact_at=now,
    )
    accounts = Accounts(table("accounts"))
    transact(accounts.table.client, accounts.create_operations(account))
    return account.id


def chosen(account_id: str) -> Consent:
    """What somebody's account says about marketing."""
    account = Accounts(table("accounts")).get(account_id)
    assert account is not None
    return account.marketing


def opt_out(account_id: str, now: datetime = NOON) -> None:
    """Somebody's way out, as the route writes it."""
    Accounts(table("accounts")).choose_marketing(account_id, Consent(False, now, "2026-11-24"))


@dataclass
class Ses:
    """Stands for SES: keeps what it is given, or fails the way that it is told to."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None

    def send_email(self, **mail: Any) -> dict[str, str]:
        if self.errors:
            raise self.errors.pop(0)
        if self.meanwhile:
            self.meanwhile()
        self.sent.append(mail)
        return {"MessageId": "1"}

    @property
    def to(self) -> list[str]:
        return [mail["Destination"]["ToAddresses"][0] for mail in self.sent]

    @property
    def texts(self) -> list[str]:
        return [mail["Content"]["Simple"]["Body"]["Text"]["Data"] for mail in self.sent]

    @property
    def headers(self) -> list[dict[str, str]]:
        return [
            {header["Name"]: header["Value"] for header in mail["Content"]["Simple"].get("Headers", [])}
            for mail in self.sent
        ]
