"""Signing in: an address and a password for a fresh session."""

from dataclasses import dataclass

from privacy.models.fields import mailbox
from privacy.models.sessions import Session, SignIn
from privacy.vault.passwords import matches
from privacy.vault.tokens import new_session_token, session_hash
from sessions.parts import Parts


class WrongCredentialsError(Exception):
    """No account has this address and this password; which of the two is wrong is not told."""


class TooManyAttemptsError(Exception):
    """Too many passwords were tried at this address, whether it has an account or not; `seconds` until the next one."""

    def __init__(self, seconds: int) -> None:
        super().__init__("too many passwords were tried")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and its token, which only the customer's browser keeps."""

    session: Session
    token: str


def sign_in(parts: Parts, form: SignIn, *, address: str | None, old_token: str | None) -> SignedIn:
    """Begin a session under a new id; the one that the browser had before ends (promise sessions.max-age).

    An unknown address costs the same reads, the same writes and the same hashing as a wrong password, and is slowed
    down like it, before any hashing. `address` is the visitor's IP address, sealed on the session for the correlation
    function alone (promise visits.unlinked).

    Raises: TooManyAttemptsError, WrongCredentialsError.
    """
    now = parts.clock()
    known, pseudonyms = _mailbox(form.email), parts.pseudonyms()
    tag = pseudonyms.of("attempts", known or form.email)
    if seconds := parts.attempts.count(tag, now):
        raise TooManyAttemptsError(seconds)
    account = parts.accounts.with_address(pseudonyms.address(known or "nobody"))
    if not matches(form.password.get_secret_value(), account.password_hash if account else None) or account is None:
        raise WrongCredentialsError
    if account.closed:  # it is being erased
        raise WrongCredentialsError
    parts.attempts.forget(tag)
    token = new_session_token()
    hashed = session_hash(token)
    session = Session(hashed, account.id, now, now, parts.addresses.seal(address, hashed))
    if old_token:
        parts.sessions.end(session_hash(old_token))
    parts.sessions.create(session)
    parts.accounts.contacted(account, now)
    return SignedIn(session, token)


def _mailbox(typed: str) -> str | None:
    """The address as accounts know it; what is no address is known to none."""
    try:
        return mailbox(typed.strip())
    except ValueError:
        return None
