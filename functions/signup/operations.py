"""The sign-up's routes as they are published."""

from pydantic import TypeAdapter

from privacy.models.accounts import Confirmation
from privacy.models.databases import Status
from privacy.models.signups import AnySignup
from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import TEXT, TIME, nullable, shape, words

_CONFIRMED = shape(
    "ConfirmedSignup",
    {
        "account_id": TEXT,
        "database": nullable(shape("", {"id": TEXT, "name": nullable(TEXT), "region": TEXT, "status": words(Status)})),
    },
)

OPERATIONS: Operations = {
    "POST /signups": Operation(
        "Send a form: the answer is the same whether the address is known or not",
        body=TypeAdapter(AnySignup),
        answers={202: shape("Receipt", {"reference": TEXT, "expires_at": TIME, "due_date?": TIME})},
        creates=True,
    ),
    "POST /signups/confirmation": Operation(
        "Confirm a sign-up by the token of its link",
        body=Confirmation,
        answers={
            200: _CONFIRMED,
            201: Answer({JSON: _CONFIRMED}, headers={"Set-Cookie": "the session, at the first time only"}),
        },
        problems=(403, 409),
    ),
}
