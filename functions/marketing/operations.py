"""The routes of the choice about marketing as they are published."""

from marketing.choice import Choice
from privacy.web.operations import ANY, JSON, Answer, Content, Operation, Operations
from privacy.web.shapes import BYTES, DATE, FLAG, TEXT, TIME, shape

_CHOICE = shape("MarketingChoice", {"agreed": FLAG, "since": TIME, "policy_version": DATE, "wording": TEXT})
_TOLD = Answer({JSON: shape("", {"agreed": FLAG}), "text/html": TEXT})

OPERATIONS: Operations = {
    "GET /account/marketing": Operation("Show the choice about marketing", answers={200: _CHOICE}),
    "PUT /account/marketing": Operation("Choose about marketing", body=Choice, answers={200: _CHOICE}, problems=(409,)),
    "GET /marketing/opt-out/{token}": Operation(
        "Look at the way out of a marketing message; nothing changes", answers={200: _TOLD}, problems=(404,)
    ),
    "POST /marketing/opt-out/{token}": Operation(
        "Opt out, without any login (RFC 8058)",
        body=Content("`List-Unsubscribe=One-Click`, or anything, or nothing: only the token counts", {ANY: BYTES}),
        may_be_empty=True,
        answers={200: _TOLD},
        problems=(404,),
    ),
}
