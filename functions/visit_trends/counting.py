"""Who visits are counted by, and where: people stand for their networks' addresses, and only names that we know are
told (promise disclosure.aggregate).
"""

import ipaddress
import re
from collections.abc import Iterator

from privacy.clock import Clock
from privacy.models.browsers import OTHER as NO_KNOWN_NAME
from privacy.models.trends import Month
from privacy.tables.visits import Visits
from privacy.trends.cells import OTHER
from privacy.trends.people import Row

TABLES = ("country", "browser", "platform", "language")
"""Not by referring site: a host may be a person's own name, and its sender wrote it."""

HOME_PREFIX = 56
"""Bits of an IPv6 address that one home has to itself (RFC 6177, section 2): within it a device changes its address
daily (RFC 8981), and would be many people."""

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(\.{_OCTET}){{3}}")


def rows(visits: Visits, month: Month, clock: Clock) -> Iterator[list[Row]]:
    """The visits of a month that have not expired, as rows to count; without those of bots, and of nobody known."""
    for page in visits.pages_from(month.begins, month.ends, ("ip", *TABLES), clock):
        found = []
        for visit in page:
            network = _network(visit.fields.get("ip"))
            if network and visit.fields.get("browser") != "Bot":
                found.append((network, tuple(_cell(table, visit.fields.get(table)) for table in TABLES)))
        yield found


def _network(address: str | None) -> str | None:
    """What stands for one person: an IPv4 address, or the network of an IPv6 one."""
    address = address or ""
    if _IPV4.fullmatch(address):  # the library takes ten times as long, for each visit there is
        return address
    try:
        return str(ipaddress.IPv6Network((address, HOME_PREFIX), strict=False))
    except ValueError:
        return None


def _cell(table: str, value: str | None) -> str:
    if not value or value == NO_KNOWN_NAME:
        return OTHER
    return value.partition("-")[0] if table == "language" else value
