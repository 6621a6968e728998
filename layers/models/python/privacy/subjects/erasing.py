"""An erasure on its way: what it remembers of the account that goes, and whom it is about once that is gone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from privacy.models.accounts import Account
from privacy.models.erasures import Erasure
from privacy.models.fields import mailbox
from privacy.subjects.person import Person, person_with
from privacy.vault.tokens import Pseudonyms


def approved(
    decided: Erasure, account: Account, notices: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]]
) -> Erasure:
    """A request as it is once it is approved: with the address that the certificate is sent to, the processors that are
    to be told, and what a law keeps.
    """
    return replace(
        decided,
        address=mailbox(account.profile["email"]),
        signup_id=account.signup_id,
        change_id=account.change_id,
        notices=notices,
        kept=kept,
    )


def person_in(erasure: Erasure, pseudonyms: Pseudonyms) -> Person:
    """The person of an approved request, whose account may be gone already."""
    account_id, address = erasure.account_id or "", erasure.address or ""
    return person_with(account_id, address, pseudonyms, erasure.signup_id, erasure.change_id)
