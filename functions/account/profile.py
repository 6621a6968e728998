"""A person's own profile: seen, and corrected in every place that holds a copy (promise rights.rectify)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from account.parts import Caller, Parts
from privacy.clock import rfc3339
from privacy.models.accounts import Account, BeingErasedError, PendingChange
from privacy.models.cards import card_fields
from privacy.models.fields import (
    Company,
    Email,
    Form,
    Interest,
    InvalidFieldsError,
    PersonName,
    Phone,
    PostalAddress,
    Sector,
    mailbox,
    validated,
)
from privacy.models.ids import new_id
from privacy.tables.store import ConditionFailedError, TransactionRefusedError
from privacy.vault.sealing import SealBrokenError, seal, unseal
from privacy.vault.tokens import TokenError

PURPOSE = "email-change"
"""Of the link in the mail (`privacy.vault.tokens.Links`)."""

_REQUIRED = ("name", "email")


class ChangedAtOnceError(Exception):
    """Somebody else changed the account at the same moment: nothing was written of this one's profile."""


class LinkError(Exception):
    """The link is forged, has expired, was used, or is of another account."""


class AddressTakenError(Exception):
    """The new address has an account by now."""


class Correction(Form):
    """The body of `PATCH /account`: what it names is changed, and null takes an optional field away."""

    name: PersonName | None = None
    email: Email | None = None
    company: Company | None = None
    phone: Phone | None = None
    sector: Sector | None = None
    interest: Interest | None = None
    postal_address: PostalAddress | None = None


def shown(account: Account, waiting: PendingChange | None = None) -> dict[str, Any]:
    """An account as its person sees it; `waiting` is a new address that is not confirmed yet."""
    profile = {name: account.profile.get(name) for name in Correction.model_fields}
    return {
        "account_id": account.id,
        **profile,
        "kind": account.profile.get("kind"),
        "created_at": rfc3339(account.created_at),
        "policy_version": account.policy_version,
        "marketing": account.marketing.agreed,
        "email_change": {"expires_at": rfc3339(waiting.expires_at)} if waiting else None,
    }


def show(parts: Parts, caller: Caller) -> dict[str, Any]:
    """The caller's account."""
    change_id = caller.account.change_id
    return shown(caller.account, parts.changes.get(change_id, caller.now) if change_id else None)


def checked(document: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """The changes that a body asks for, each in its normal form. Card numbers are looked for first
    (promise signup.no-cards).

    Raises: InvalidFieldsError.
    """
    if cards := card_fields(document, known=Correction.model_fields):
        message = "must not hold a payment card number"
        raise InvalidFieldsError([{"field": field, "message": message} for field in cards])
    form = validated(Correction, document, known=Correction.model_fields)
    changes = {name: getattr(form, name) for name in form.model_fields_set}
    errors = [
        {"field": name, "message": "is required"} for name in _REQUIRED if name in changes and changes[name] is None
    ]
    if changes.get("postal_address") and account.profile.get("kind") != "subscription":
        message = "is taken only for an invoice or a delivery"
        errors.append({"field": "postal_address", "message": message})
    if errors:
        raise InvalidFieldsError(errors)
    return changes


def correct(parts: Parts, caller: Caller, changes: dict[str, Any]) -> dict[str, Any]:
    """Correct the profile: first every copy, then the account itself, so that what died half-way is done by repeating
    it. Exports of the data as it was end with it. Another address waits for its link; until then the old one counts.

    Raises: BeingErasedError, ChangedAtOnceError.
    """
    account = _untouched(caller)
    email = changes.pop("email", None)
    merged = account.profile | changes
    profile = {name: value for name, value in merged.items() if value is not None}
    if profile != account.profile:
        parts.registry.correct(caller.person, account.profile, profile, account.email_tag)
        try:
            account = parts.accounts.change_profile(account, profile)
        except ConditionFailedError:
            raise _overtaken(parts, account) from None
        parts.registry.end_exports(caller.person)
    waiting = None
    if email is not None and email != account.profile["email"]:
        waiting = _wait_for_link(parts, account, email, caller)
    return shown(account, waiting)


def _untouched(caller: Caller) -> Account:
    """The caller's account. Raises: BeingErasedError."""
    if caller.account.erasing:
        raise BeingErasedError
    return caller.account


def _overtaken(parts: Parts, account: Account) -> Exception:
    """What is told when the account is no longer as it was read: its erasure was approved, or it was changed."""
    found = parts.accounts.get(account.id)
    return BeingErasedError() if found is not None and found.erasing else ChangedAtOnceError()


def _wait_for_link(parts: Parts, account: Account, email: str, caller: Caller) -> PendingChange:
    """Let another address wait, sealed, for the link that is sent to it; an earlier one waits no more."""
    change_id = new_id("eml")
    expires_at = parts.policy.retention["links.pending"].after(caller.now)
    links = parts.links()
    content = json.dumps({"account_id": account.id, "email": email, "old": account.profile["email"]}).encode("utf-8")
    sealed = seal(links.sealing_key(links.token(PURPOSE, change_id, expires_at)), content, change_id)
    change = PendingChange(change_id, caller.now, expires_at, sealed)
    try:
        parts.accounts.note_change(account, change_id)
    except ConditionFailedError:
        raise _overtaken(parts, account) from None
    if account.change_id:
        parts.changes.discard(account.change_id)
    parts.changes.create(change)
    parts.queues.send("mail", parts.settings.home_region, {"kind": PURPOSE, "id": change_id})
    return change


def confirm_address(parts: Parts, caller: Caller, token: str) -> dict[str, Any]:
    """Give the caller's account the address that its link was sent to: in every copy, and the old one is free again.

    The change waits until the copies are in line, so that a repetition after a crash completes them. Before the account
    has the address nothing is touched that came from it: it may be another's.

    Raises: BeingErasedError, LinkError, AddressTakenError, ChangedAtOnceError.
    """
    account, links = _untouched(caller), parts.links()
    try:
        change = parts.changes.get(links.subject(PURPOSE, token, caller.now), caller.now)
        content = json.loads(unseal(links.sealing_key(token), change.sealed, change.id)) if change else None
    except (TokenError, SealBrokenError):
        raise LinkError from None
    if change is None or content is None or content["account_id"] != account.id or account.change_id != change.id:
        raise LinkError
    email = content["email"]
    tag = parts.pseudonyms().address(mailbox(email))
    taken = parts.accounts.with_address(tag)
    if taken is not None and taken.id != account.id:
        parts.changes.discard(change.id)
        raise AddressTakenError
    try:
        parts.transact(parts.accounts.change_address_operations(account, email, tag))
    except TransactionRefusedError as refused:
        if 1 in refused.failed:
            parts.changes.discard(change.id)
            raise AddressTakenError from None
        raise _overtaken(parts, account) from None
    before = replace(caller.person, email_tag=parts.pseudonyms().address(mailbox(content["old"])))
    old, new = account.profile | {"email": content["old"]}, account.profile | {"email": email}
    parts.registry.correct(before, old, new, tag)
    parts.registry.end_exports(caller.person)
    parts.changes.discard(change.id)
    return shown(parts.accounts.get(account.id) or account)
