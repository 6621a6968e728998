"""The mails, in plain text.

No word that a visitor typed is in them: a form must not become a way to send a text of one's own to a stranger.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Text:
    """A mail without its addresses."""

    subject: str
    body: str


def confirmation(site: str, token: str, until: datetime) -> Text:
    """The link that confirms a sign-up; a program reads it from the line of its own."""
    return Text(
        "Confirm your sign-up at PerfectWORK",
        f"""Somebody, we hope you, entered this address in a form on {site}.

Open this link to confirm it:

{site}/confirm#token={token}

The link works until {_day(until)}. If it was not you, do nothing: what was entered
is then deleted unread, and you will not hear from us again about it.

PerfectWORK
""",
    )


def known_address(site: str) -> Text:
    """For a sign-up with an address that has an account: only its owner learns so."""
    return Text(
        "You already have an account at PerfectWORK",
        f"""Somebody, we hope you, entered this address in a form on {site}.

There is an account for this address already, so nothing was created and what was
entered has been deleted. You can sign in at {site}.

If it was not you, there is nothing that you need to do.

PerfectWORK
""",
    )


def acknowledgement(reference: str, due: datetime) -> Text:
    """For who sent an enquiry."""
    return Text(
        f"Your enquiry {reference}",
        f"""Thank you for writing to us. Your enquiry has the reference

{reference}

and you will have our answer by {_day(due)}. Please name the reference when you
write to us about it.

PerfectWORK HelpDesk
""",
    )


def notice(reference: str, due: datetime) -> Text:
    """For the HelpDesk: the reference only, since mail is no store for personal data."""
    return Text(
        f"Enquiry {reference}",
        f"""An enquiry has come in. Its reference is

{reference}

and its answer is due by {_day(due)}. Read it in the enquiries table.
""",
    )


def new_address(site: str, token: str, until: datetime) -> Text:
    """The link that confirms another address."""
    return Text(
        "Confirm your new address at PerfectWORK",
        f"""Somebody, we hope you, gave this address for an account on {site}.

Open this link, in the browser in which you are signed in, to confirm it:

{site}/confirm#token={token}

The link works until {_day(until)}. Until you follow it nothing is changed. If it
was not you, do nothing: the address is then forgotten.

PerfectWORK
""",
    )


def address_changes(site: str) -> Text:
    """For the address that an account has until now."""
    return Text(
        "The address of your account at PerfectWORK is about to change",
        f"""Somebody who is signed in to your account on {site} gave another e-mail
address for it. It takes effect when that address is confirmed.

If it was not you, change your password at once: every other session then ends.

PerfectWORK
""",
    )


def password_reset(site: str, token: str, until: datetime) -> Text:
    """The link by which a password is set anew."""
    return Text(
        "Set a new password at PerfectWORK",
        f"""Somebody, we hope you, asked for a new password of your account on {site}.

Open this link to set it:

{site}/reset#token={token}

The link works once, until {_day(until)}. If it was not you, do nothing: your password
stays as it is.

PerfectWORK
""",
    )


def support(request_id: str, database_id: str) -> Text:
    """For the HelpDesk: ids only. What was asked comes with the grant that the request is a ground for."""
    return Text(
        f"Support for {database_id}",
        f"""A customer asks for support with the database

{database_id}

by the request {request_id}. A grant with the purpose
support-request shows what they wrote.
""",
    )


def policy(site: str, old: date, new: date, words: Sequence[str]) -> Text:
    """What changes in the privacy policy with a version."""
    listed = "\n".join(textwrap.fill(each, 76, initial_indent="- ", subsequent_indent="  ") for each in words)
    return Text(
        "A change of the privacy policy of PerfectWORK",
        f"""The privacy policy of {site} changes. The version of {_date(new)}
takes effect on that day. What is different:

{listed}

The whole of it, with the differences line by line:

{site}/policy
{site}/policy/changes?from={old.isoformat()}&to={new.isoformat()}

You have this mail because you have an account. There is nothing that you need to do.

PerfectWORK
""",
    )


def _day(instant: datetime) -> str:
    return f"{_date(instant)}, {instant:%H:%M} UTC"


def _date(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Whatever the locale of the machine."""
