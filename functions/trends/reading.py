"""The published reports, month by month."""

from datetime import datetime
from typing import Any

from privacy.models.paging import CursorError
from privacy.models.trends import SUBJECTS, Month
from privacy.policy import versions
from trends.parts import Parts


def page(parts: Parts, limit: int, cursor: str | None, now: datetime) -> tuple[list[dict[str, Any]], str | None]:
    """Some months that have reports, the newest first, and the month to go on after. Raises: CursorError."""
    try:
        after = Month.parse(cursor) if cursor else Month.of(now).following
    except ValueError:
        raise CursorError from None
    began = min(versions())
    months = [month for month in Month(began.year, began.month).up_to(Month.of(now)) if month < after]
    found: dict[Month, dict[str, Any]] = {}
    for report in parts.reports.of(SUBJECTS, months, now):
        found.setdefault(report.month, {})[report.subject] = report.document(parts.policy.least_people)
    newest = sorted(found, reverse=True)
    items = [
        {"month": str(month), "reports": [found[month][subject] for subject in SUBJECTS if subject in found[month]]}
        for month in newest[:limit]
    ]
    return items, str(newest[limit - 1]) if len(newest) > limit else None
