"""A person as the stores know them: by the account's id on one side, by keyed pseudonyms on the others."""

from dataclasses import dataclass

from privacy.models.accounts import Account
from privacy.models.fields import mailbox
from privacy.vault.tokens import Pseudonyms


@dataclass(frozen=True, slots=True)
class Person:
    """The names under which something of a person may lie.

    `owner` is the pseudonym in the databases, `email_tag` that of the address, `attempts` those of the address where
    wrong passwords and asked-for resets are counted. `signup_id` and `change_id` are the sign-up that the account came
    from and the latest new address that waited for its link.
    """

    account_id: str
    owner: str
    email_tag: str
    attempts: tuple[str, ...]
    signup_id: str | None = None
    change_id: str | None = None


def person_of(account: Account, pseudonyms: Pseudonyms) -> Person:
    """The person of an account."""
    address = mailbox(account.profile["email"])
    return person_with(account.id, address, pseudonyms, account.signup_id, account.change_id)


def person_with(
    account_id: str, address: str, pseudonyms: Pseudonyms, signup_id: str | None, change_id: str | None
) -> Person:
    """The person of an account that has an address (as `models.fields.mailbox` gives it)."""
    attempts = tuple(pseudonyms.of(kind, address) for kind in ("attempts", "resets"))
    owner, tag = pseudonyms.owner(account_id), pseudonyms.address(address)
    return Person(account_id, owner, tag, attempts, signup_id, change_id)
