"""The choice about marketing: it counts from the write on, for what waits in the queue too (promise marketing.opt-out).

Kept with it are its time, the policy's version and what was asked (GDPR article 7(1)).
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, Field, StrictBool

from marketing.parts import Parts
from privacy.clock import rfc3339
from privacy.models.accounts import MARKETING_OPT_OUT, Account, BeingErasedError, Consent
from privacy.models.fields import Form
from privacy.tables.store import ConditionFailedError


class Choice(Form):
    """The body of `PUT /account/marketing`: `agreed`, or as the forms call it, `marketing_consent`."""

    agreed: Annotated[StrictBool, Field(validation_alias=AliasChoices("agreed", "marketing_consent"))]


class NoAccountError(Exception):
    """The account is gone, or being erased."""


def show(parts: Parts, account_id: str) -> dict[str, Any]:
    """What a person chose, since when, and what they were asked. Raises: NoAccountError."""
    account = parts.accounts.get(account_id)
    if account is None or account.closed:
        raise NoAccountError
    choice = account.marketing
    return {
        "agreed": choice.agreed,
        "since": rfc3339(choice.at),
        "policy_version": choice.policy_version,
        "wording": parts.policy.wordings[choice.wording],
    }


def choose(parts: Parts, account_id: str, agreed: bool, now: datetime) -> None:
    """Note a choice, and that it is another one; of who has no account any more there is nothing to note.

    Raises: BeingErasedError for who agrees while their erasure waits; opting out is always taken.
    """
    try:
        parts.accounts.choose_marketing(account_id, Consent(agreed, now, parts.policy.version.isoformat()))
    except ConditionFailedError:
        account = parts.accounts.get(account_id) if agreed else None
        if account is not None and account.erasing and not account.closed:
            raise BeingErasedError from None


def linked(parts: Parts, token: str, now: datetime) -> str:
    """The account that a message's way out leads to. Raises: TokenError."""
    return parts.links().subject(MARKETING_OPT_OUT, token, now)


def told_by_link(account: Account | None) -> dict[str, Any]:
    """What a link tells: the same for who never agreed, who opted out and who is gone."""
    return {"agreed": account is not None and account.marketing.agreed and not account.closed}
