"""The routes of the choice about cookies as they are published."""

from privacy.models.consent import ConsentForm
from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import FLAG, TEXT, TIME, listed, nullable, shape

_CONSENT = shape(
    "CookieConsent",
    {
        "preferences": FLAG,
        "analytics": FLAG,
        "decided_at": nullable(TIME),
        "expires_at": nullable(TIME),
        "gpc": FLAG,
        "allowed": listed(TEXT),
        "rejected": listed(TEXT),
    },
)
_TOLD = Answer({JSON: _CONSENT}, headers={"Set-Cookie": "the choice, and an end to each cookie that it does not allow"})

OPERATIONS: Operations = {
    "GET /cookies/consent": Operation("Show the browser's choice about cookies", answers={200: _CONSENT}),
    "PUT /cookies/consent": Operation(
        "Choose about cookies; `Sec-GPC: 1` rejects Analytics", body=ConsentForm, answers={200: _TOLD}, problems=(403,)
    ),
}
