"""Which accounts are counted, and where: those that a month brought, so that each is in one report for ever, and the
difference of two reports is nobody (promise disclosure.aggregate).
"""

from collections.abc import Iterator

from privacy.clock import Clock
from privacy.models.trends import Month
from privacy.policy import Policy
from privacy.tables.accounts import Accounts
from privacy.trends.cells import OTHER
from privacy.trends.people import Row

TABLES = ("kind", "sector", "interest")
"""Not by country: an account has none but in a postal address, which is nobody's to count."""

LONGEST = 60
"""Characters of a sector or interest that can be a group's; what is longer was written by one person."""


def rows(accounts: Accounts, month: Month, policy: Policy, clock: Clock) -> Iterator[list[Row]]:
    """The accounts that were created in a month and are neither closed nor past their period, as rows to count."""
    for page in accounts.created(month.begins, month.ends, TABLES, policy, clock):
        yield [(account_id, tuple(_cell(profile.get(table)) for table in TABLES)) for account_id, profile in page]


def _cell(text: str | None) -> str:
    """What people wrote, alike if it differs in case and spaces alone."""
    value = " ".join((text or "").casefold().split())
    return value if 0 < len(value) <= LONGEST else OTHER
