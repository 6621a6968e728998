"""The routes of the choice about cookies as they are published."""

from privacy.models.consent import ConsentForm
from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import FLAG, TEXT, TIME, listed, nullable, shape

_CHOICE = shape(
    "CookieChoice",
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

OPERATIONS: Operations = {
    "GET /cookies/consent": Operation(
        "Show the choice about cookies that the browser carries, or that there is none; what it does not allow is "
        "removed. `Sec-GPC: 1` rejects analytics",
        answers={200: _CHOICE},
    ),
    "PUT /cookies/consent": Operation(
        "Choose about cookies; `Sec-GPC: 1` rejects analytics, also over a yes",
        body=ConsentForm,
        answers={
            200: Answer(
                {JSON: _CHOICE}, headers={"Set-Cookie": "the choice, and what takes away each cookie it does not allow"}
            )
        },
        problems=(403,),
    ),
}
