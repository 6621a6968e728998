"""What each message asks for: it is an id, so what was removed or confirmed in the meantime is not written about.

Delivery is at least once: a message that is delivered twice, or whose worker died after sending, sends its mail twice;
no mail is lost, for a message is done only when SES has taken its mail (docs/decisions.md).
"""

import json
from collections.abc import Callable, Mapping
from datetime import date

from mail import texts
from mail.parts import Parts
from privacy.models.access import REQUEST
from privacy.models.accounts import PendingChange
from privacy.models.fields import mailbox
from privacy.models.ids import database_of
from privacy.policy import changes, documents
from privacy.queues import MalformedMessageError
from privacy.vault.sealing import unseal

_SIGNUP_PURPOSE = "signup"
"""The purpose of the link's token, as the sign-up function derives it."""


def write(parts: Parts, message: Mapping[str, str]) -> None:
    """Do what one message asks.

    Raises: MalformedMessageError for a message that is none of ours.
    """
    asked = _KINDS.get(message["kind"])
    if asked is None:
        raise MalformedMessageError("there is no such kind of mail")
    asked(parts, message)


def _signup(parts: Parts, signup_id: str) -> None:
    """The confirmation link, or the word that there is an account already (promise signup.confirmed)."""
    signup = parts.signups.get(signup_id, parts.clock())
    if signup is None or signup.sealed is None:
        return
    links = parts.links()
    token = links.token(_SIGNUP_PURPOSE, signup.id, signup.expires_at)
    form = json.loads(unseal(links.sealing_key(token), signup.sealed, signup.id))["form"]
    address = mailbox(form["email"])
    site = parts.settings.site_url
    if parts.accounts.with_address(parts.pseudonyms().address(address)) is None:
        parts.post.send(address, texts.confirmation(site, token, signup.expires_at))
    else:
        parts.post.send(address, texts.known_address(site))
        parts.signups.discard(signup.id)


def _enquiry(parts: Parts, reference: str) -> None:
    """The acknowledgement to who asked, and a notice to the HelpDesk (promise contact.inquiry)."""
    enquiry = parts.enquiries.get(reference, parts.clock())
    if enquiry is None:
        return
    parts.post.send(mailbox(enquiry.fields["email"]), texts.acknowledgement(reference, enquiry.due_at))
    parts.post.send(parts.settings.helpdesk_mailbox, texts.notice(reference, enquiry.due_at))


def _support(parts: Parts, request_id: str) -> None:
    """Word to the HelpDesk that a customer asks for support (promise helpdesk.access)."""
    database_id = database_of(REQUEST, request_id)
    if database_id is not None and parts.access.has_request(request_id, parts.clock()):
        parts.post.send(parts.settings.helpdesk_mailbox, texts.support(request_id, database_id))


def _new_address(parts: Parts, change_id: str) -> None:
    """The link to the new address, and word of it to the old one (promise rights.rectify)."""
    opened = _opened(parts, change_id, "email-change")
    if opened is None:
        return
    token, change, content = opened
    account = parts.accounts.get(content["account_id"])
    if account is None or account.closed:
        parts.changes.discard(change_id)
        return
    address, site = mailbox(content["email"]), parts.settings.site_url
    known = parts.accounts.with_address(parts.pseudonyms().address(address))
    if known is None or known.id == account.id:
        parts.post.send(address, texts.new_address(site, token, change.expires_at))
        parts.post.send(mailbox(account.profile["email"]), texts.address_changes(site))
    else:
        parts.post.send(address, texts.known_address(site))
        parts.changes.discard(change_id)


def _password_reset(parts: Parts, change_id: str) -> None:
    """The link by which a new password is set, for who has an account."""
    opened = _opened(parts, change_id, "password-reset")
    if opened is None:
        return
    token, change, content = opened
    account = parts.accounts.with_address(parts.pseudonyms().address(content["email"]))
    if account is None or account.closed:
        parts.changes.discard(change_id)
        return
    parts.post.send(content["email"], texts.password_reset(parts.settings.site_url, token, change.expires_at))


def _opened(parts: Parts, change_id: str, purpose: str) -> tuple[str, PendingChange, dict[str, str]] | None:
    """The token of a change that waits, the change, and what it is; None when it waits no longer."""
    change = parts.changes.get(change_id, parts.clock())
    if change is None:
        return None
    links = parts.links()
    token = links.token(purpose, change.id, change.expires_at)
    return token, change, json.loads(unseal(links.sealing_key(token), change.sealed, change.id))


def _policy(parts: Parts, account_id: str, version: str) -> None:
    """What changes in the policy, to an account of an earlier version (promise policy.versions)."""
    try:
        old, new = [each for day, each in documents().items() if day <= date.fromisoformat(version)][-2:]
    except ValueError:
        raise MalformedMessageError("there is no such version, or none before it") from None
    account = parts.accounts.get(account_id)
    if account is not None and not account.closed and account.policy_version < version:
        words = [change.words for change in changes(old, new)]
        parts.post.send(
            mailbox(account.profile["email"]), texts.policy(parts.settings.site_url, old.version, new.version, words)
        )


def _by_id(write: Callable[[Parts, str], None]) -> Callable[[Parts, Mapping[str, str]], None]:
    return lambda parts, message: write(parts, message["id"])


_KINDS: Mapping[str, Callable[[Parts, Mapping[str, str]], None]] = {
    "signup": _by_id(_signup),
    "enquiry": _by_id(_enquiry),
    "support": _by_id(_support),
    "email-change": _by_id(_new_address),
    "password-reset": _by_id(_password_reset),
    "policy": lambda parts, message: _policy(parts, message["id"], message.get("version", "")),
}
