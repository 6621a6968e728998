"""The route of the promises as it is published."""

from privacy.web.operations import Operation, Operations
from privacy.web.shapes import COUNT, DATE, TEXT, TIME, listed, nullable, shape, words

_PROMISE = shape(
    "PromiseStatus",
    {
        "id": TEXT,
        "text": TEXT,
        "status": words("kept", "at-risk", "broken"),
        "since": nullable(TIME),
        "checked_at": nullable(TIME),
        "latest_removal_lag": nullable(shape("", {"p50": COUNT, "p99": COUNT, "max": COUNT})),
        "overdue": COUNT,
        "evidence": listed(TEXT),
    },
)

OPERATIONS: Operations = {
    "GET /promises": Operation(
        "See each promise: kept, at risk or broken, since when, and by what evidence",
        answers={200: shape("", {"policy_version": DATE, "items": listed(_PROMISE)})},
    ),
}
