"""The routes of correlation as they are published."""

from privacy.models.correlations import Ground, NewCorrelation
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import FLAG, TEXT, TIME, listed, nullable, shape, words

_STATUS = words("waiting", "delivered")
_REQUEST = shape(
    "Correlation",
    {
        "correlation_id": TEXT,
        "status": _STATUS,
        "ground": words(Ground),
        "case": nullable(TEXT),
        "account_id": nullable(TEXT),
        "window": nullable(shape("", {"from": TIME, "to": TIME})),
        "requested_at": TIME,
        "expires_at": TIME,
        "decided_at?": TIME,
    },
)
_SESSION = shape(
    "",
    {
        "created_at": TIME,
        "last_used_at": TIME,
        "address": nullable(TEXT),
        "seal": words("opened", "none", "broken"),
    },
)
_VISIT = shape(
    "",
    {
        "visited_at": TIME,
        "address": TEXT,
        "browser": nullable(TEXT),
        "browser_version": nullable(TEXT),
        "platform": nullable(TEXT),
        "referrer": nullable(TEXT),
        "language": nullable(TEXT),
        "country": nullable(TEXT),
    },
)
_RESULT = shape("CorrelationResult", {"sessions": listed(_SESSION), "visits": listed(_VISIT), "complete": FLAG})

OPERATIONS: Operations = {
    "POST /helpdesk/correlations": Operation(
        "Ask for a correlation of visits with a person",
        body=NewCorrelation,
        answers={201: shape("AskedForCorrelation", {"correlation_id": TEXT, "status": _STATUS, "expires_at": TIME})},
        creates=True,
        problems=(404,),
    ),
    "GET /helpdesk/correlations/{correlation_id}": Operation(
        "Show a request, never its result", answers={200: _REQUEST}, problems=(404,)
    ),
    "POST /helpdesk/correlations/{correlation_id}/approval": Operation(
        "Approve another person's request; the answer carries the result, once",
        answers={200: shape("", {"result": _RESULT})},
        problems=(404, 409),
    ),
}
