"""Passwords after the first: changed by who knows the old one, or set anew by who reads the mailbox.

Either ends the sessions that others may hold (promise rights.rectify).
"""

import json
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from privacy.models.accounts import PendingChange
from privacy.models.fields import EMAIL_MAX_CHARACTERS, PASSWORD_MAX_CHARACTERS, Form, Password, mailbox
from privacy.models.ids import new_id
from privacy.models.sessions import Session, as_it_was_set
from privacy.tables.store import ConditionFailedError
from privacy.vault.passwords import hash_password, matches
from privacy.vault.sealing import SealBrokenError, seal, unseal
from privacy.vault.tokens import TokenError
from sessions.parts import Parts
from sessions.signing_in import TooManyAttemptsError

PURPOSE = "password-reset"
"""Of the link in the mail (`privacy.vault.tokens.Links`)."""


class WrongPasswordError(Exception):
    """The current password is not the one that was given."""


class LinkError(Exception):
    """The link is forged, has expired, was used, or its account is gone."""


class NewPassword(Form):
    """The body of `PUT /account/password`."""

    current: Annotated[
        SecretStr, Field(strict=True, max_length=4 * PASSWORD_MAX_CHARACTERS), AfterValidator(as_it_was_set)
    ]
    new: Password


class ResetRequest(Form):
    """The body of `POST /password-resets`: what no account can have gets the same answer."""

    email: Annotated[str, Field(strict=True, max_length=EMAIL_MAX_CHARACTERS + 64)]


class Reset(Form):
    """The body of `POST /password-resets/confirmation`."""

    token: Annotated[str, Field(strict=True, min_length=1, max_length=512)]
    new: Password


def change(parts: Parts, session: Session, form: NewPassword) -> None:
    """Give the caller's account another password and end every other session of it.

    Guessing is slowed down as at signing in. Raises: WrongPasswordError, TooManyAttemptsError.
    """
    account = parts.accounts.get(session.account_id)
    if account is None or account.closed:
        raise WrongPasswordError
    tag = parts.pseudonyms().of("attempts", mailbox(account.profile["email"]))
    if seconds := parts.attempts.count(tag, parts.clock()):
        raise TooManyAttemptsError(seconds)
    if not matches(form.current.get_secret_value(), account.password_hash):
        raise WrongPasswordError
    parts.attempts.forget(tag)
    try:
        parts.accounts.set_password(account, hash_password(form.new.get_secret_value()))
    except ConditionFailedError:
        raise WrongPasswordError from None  # it was changed at this moment, and the current one is another by now
    parts.sessions.end_others(account.id, but=session.token_hash)


def ask_for_reset(parts: Parts, form: ResetRequest) -> None:
    """Let a new password wait for its link. Whether the address is known is not even looked up: the mail worker finds
    out, and the difference goes to the mailbox. Too many for one address are dropped in silence.
    """
    now = parts.clock()
    try:
        address = mailbox(form.email.strip())
    except ValueError:
        return
    if parts.attempts.count(parts.pseudonyms().of("resets", address), now):
        return
    reset_id, expires_at = new_id("pwr"), parts.policy.retention["links.pending"].after(now)
    links = parts.links()
    key = links.sealing_key(links.token(PURPOSE, reset_id, expires_at))
    sealed = seal(key, json.dumps({"email": address}).encode("utf-8"), reset_id)
    parts.changes.create(PendingChange(reset_id, now, expires_at, sealed))
    parts.queues.send("mail", parts.settings.home_region, {"kind": "password-reset", "id": reset_id})


def reset(parts: Parts, form: Reset) -> None:
    """Set a new password by the link in the mail, once, and end every session. Raises: LinkError."""
    now, links = parts.clock(), parts.links()
    try:
        waiting = parts.changes.get(links.subject(PURPOSE, form.token, now), now)
    except TokenError:
        waiting = None
    if waiting is None:
        raise LinkError
    try:
        content = json.loads(unseal(links.sealing_key(form.token), waiting.sealed, waiting.id))
    except SealBrokenError:
        raise LinkError from None
    account = parts.accounts.with_address(parts.pseudonyms().address(content["email"]))
    hashed = hash_password(form.new.get_secret_value())
    # Used up first: of two who hold the link, or of two requests at once, one sets the password.
    if account is None or account.closed or not parts.changes.discard(waiting.id):
        raise LinkError
    try:
        parts.accounts.set_password(account, hashed)
    except ConditionFailedError:
        raise LinkError from None
    parts.attempts.forget(parts.pseudonyms().of("attempts", content["email"]))
    parts.sessions.end_others(account.id)
