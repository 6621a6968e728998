"""What waits for processors and what was refused, by field names and never by values; and sending it again (promises
processors.allow-list, rights.erase).

What arrived is not listed: each person sees theirs, and a list of everybody's would tell who paid what, for nobody's
use.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from chalice.app import Response

from helpdesk.parts import Parts
from privacy.clock import rfc3339
from privacy.models.disclosures import Disclosure, DisclosureStatus
from privacy.models.ids import is_id
from privacy.models.paging import CursorError, first_page
from privacy.tables.audit import new_entry
from privacy.tables.store import ConditionFailedError
from privacy.web import PrivacyApp, ProblemError, answer
from privacy.web.paging import page_request, sealed_cursor
from privacy.web.problems import invalid
from privacy.web.requests import no_fields, parameter
from privacy.web.staff import staff

QUEUE = "disclosure"
LISTED = (DisclosureStatus.REFUSED, DisclosureStatus.QUEUED)
"""In the order of a list: first what somebody has to look at."""

NOT_REFUSED = "only a disclosure that was refused can be sent again"


class UnknownDisclosureError(LookupError):
    """There is no such disclosure, or its period has ended."""


class NotRefusedError(Exception):
    """It waits still, or it arrived."""


def add_routes(app: PrivacyApp, parts: Callable[[], Parts]) -> None:
    """Add the routes of disclosures to the HelpDesk's."""

    @app.view("GET", "/helpdesk/disclosures")
    def list_disclosures() -> Response:
        reader, now = staff(app.request, parts())
        limit, cursor = page_request(app.request)
        wanted = _wanted(parameter(app.request, "status"))
        parts().trail.add(new_entry("disclosures.read", parts().pseudonym(reader), now))
        items, after = page(parts(), wanted, limit, cursor, now)
        return answer(200, {"items": items, "next_cursor": sealed_cursor(after)})

    @app.view("POST", "/helpdesk/disclosures/{disclosure_id}/resend")
    def send_again(disclosure_id: str) -> Response:
        officer, now = staff(app.request, parts())
        no_fields(app.request)
        try:
            return answer(202, resend(parts(), parts().pseudonym(officer), disclosure_id, now))
        except UnknownDisclosureError:
            raise ProblemError(404, "there is no such disclosure") from None
        except NotRefusedError:
            raise ProblemError(409, NOT_REFUSED) from None


def page(
    parts: Parts, wanted: tuple[DisclosureStatus, ...], limit: int, cursor: str | None, now: datetime
) -> tuple[list[dict[str, Any]], str | None]:
    """Some of the disclosures in the wanted states, state after state, the oldest first, and the place to go on from.

    Raises: CursorError.
    """
    begin = _place(cursor) if cursor else None
    if begin and begin[0] not in wanted:
        raise CursorError
    places: list[str] = []

    def every() -> Iterator[dict[str, Any]]:
        for status in wanted[wanted.index(begin[0]) if begin else 0 :]:
            after = begin[1:] if begin and begin[0] is status else None
            for one in parts.disclosures.open(status, now, after):
                places.append(f"{status.value}/{int(one.created_at.timestamp())}/{one.id}")
                yield shown(one)

    items, more = first_page(every(), limit)
    return items, places[len(items) - 1] if more else None


def shown(disclosure: Disclosure) -> dict[str, Any]:
    """A disclosure as staff see it: whose it is stands in the record and the ground that it names, not here."""
    return {
        "disclosure_id": disclosure.id,
        "processor": disclosure.processor,
        "purpose": disclosure.purpose,
        "fields": list(disclosure.fields),
        "record": disclosure.record,
        "ground": disclosure.ground,
        "status": disclosure.status.value,
        "reason": disclosure.reason,
        "created_at": rfc3339(disclosure.created_at),
        "refused_at": rfc3339(disclosure.refused_at) if disclosure.refused_at else None,
        "resends": disclosure.resends,
    }


def resend(parts: Parts, officer: str, disclosure_id: str, now: datetime) -> dict[str, Any]:
    """Have a disclosure that was refused wait again, on record first, and queue it. Repeated while it waits it is the
    same one, queued once more: its worker sends it once.

    Raises: UnknownDisclosureError, NotRefusedError.
    """
    found = _existing(parts, disclosure_id, now)
    facts = {"processor": found.processor, "purpose": found.purpose, "status": found.status.value}
    if found.status is DisclosureStatus.REFUSED:
        parts.trail.add(new_entry("disclosure.resent", officer, now, subject=found.id, facts=facts))
        with suppress(ConditionFailedError):  # somebody did at this moment: the look below sees what it is by now
            parts.disclosures.resend(found, now)
        found = _existing(parts, disclosure_id, now)
    else:
        parts.trail.add(new_entry("disclosure.resend-asked", officer, now, subject=found.id, facts=facts))
    if found.status is not DisclosureStatus.QUEUED or not found.resends:
        raise NotRefusedError
    parts.queues.send(QUEUE, parts.settings.home_region, {"id": found.id})
    return shown(found)


def _existing(parts: Parts, disclosure_id: str, now: datetime) -> Disclosure:
    found = parts.disclosures.get(disclosure_id, now) if is_id("dsc", disclosure_id) else None
    if found is None:
        raise UnknownDisclosureError
    return found


def _wanted(status: str | None) -> tuple[DisclosureStatus, ...]:
    if status is None:
        return LISTED
    if status not in LISTED:
        raise invalid("status", f"must be {' or '.join(LISTED)}")
    return (DisclosureStatus(status),)


def _place(cursor: str) -> tuple[DisclosureStatus, int, str]:
    """The state, the time (epoch seconds) and the id that a page ended with. Raises: CursorError."""
    try:
        status, created_at, disclosure_id = cursor.split("/")
        place = DisclosureStatus(status), int(created_at), disclosure_id
    except ValueError:
        raise CursorError from None
    if not is_id("dsc", disclosure_id):
        raise CursorError
    return place
