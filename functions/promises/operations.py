"""The route of the promises as it is published."""

from privacy.web.operations import Operation, Operations
from privacy.web.shapes import COUNT, DATE, TEXT, TIME, listed, nullable, shape, words

_LAG = shape("", {"p50": COUNT, "p99": COUNT, "max": COUNT})
_PROMISE = shape(
    "Promise",
    {
        "id": TEXT,
        "text": TEXT,
        "status": words("kept", "at-risk", "broken"),
        "since": nullable(TIME),
        "checked_at": nullable(TIME),
        "latest_removal_lag": nullable(_LAG),
        "overdue": COUNT,
        "evidence": listed(TEXT),
    },
)

OPERATIONS: Operations = {
    "GET /promises": Operation(
        "Show of each promise whether it is kept, since when, and how that is known",
        answers={200: shape("", {"policy_version": DATE, "items": listed(_PROMISE)})},
    ),
}
