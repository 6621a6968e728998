"""The routes of holds as they are published."""

from privacy.models.holds import Ground, NewHold
from privacy.web.operations import Operation, Operations
from privacy.web.shapes import FLAG, TEXT, TIME, listed, nullable, one_of, page, shape, words

_VISITS = shape("", {"addresses?": TEXT, "from?": TIME, "to?": TIME, "ids?": listed(TEXT)})
_HOLD = shape(
    "Hold",
    {
        "hold_id": TEXT,
        "scope": one_of(shape("", {"visits": _VISITS}), shape("", {"account_id": TEXT})),
        "ground": words(Ground),
        "reason": TEXT,
        "owner": TEXT,
        "created_at": TIME,
        "until": TIME,
        "released_at": nullable(TIME),
        "in_force": FLAG,
        "in_force_since": nullable(TIME),
    },
)
_UNREADABLE = shape("UnreadableHold", {"hold_id": TEXT, "unreadable": FLAG})

OPERATIONS: Operations = {
    "POST /helpdesk/holds": Operation(
        "Hold visits, or what an account has, past its date",
        body=NewHold,
        answers={201: _HOLD},
        creates=True,
        problems=(409,),
    ),
    "GET /helpdesk/holds": Operation(
        "List the holds, the newest first", answers={200: page(one_of(_UNREADABLE, _HOLD))}, paged=True
    ),
    "DELETE /helpdesk/holds/{hold_id}": Operation(
        "Release a hold: what is overdue goes at the next sweep", answers={204: None}, problems=(404, 409)
    ),
}
