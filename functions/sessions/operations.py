"""The routes of sessions and passwords as they are published."""

from privacy.models.sessions import SignIn
from privacy.web.operations import JSON, Answer, Operation, Operations
from privacy.web.shapes import TEXT, TIME, shape
from sessions.passwords import NewPassword, Reset, ResetRequest

_DROPPED = Answer(headers={"Set-Cookie": "takes the session away"})

OPERATIONS: Operations = {
    "POST /sessions": Operation(
        "Sign in",
        body=SignIn,
        answers={
            201: Answer(
                {JSON: shape("NewSession", {"account_id": TEXT, "expires_at": TIME})},
                headers={"Set-Cookie": "the session"},
            )
        },
        problems=(401, 403),
    ),
    "GET /sessions/current": Operation(
        "Show the session; this counts as a use of it",
        answers={
            200: shape("Session", {"account_id": TEXT, "created_at": TIME, "last_used_at": TIME, "expires_at": TIME})
        },
    ),
    "DELETE /sessions/current": Operation("Sign out", answers={204: _DROPPED}),
    "PUT /account/password": Operation(
        "Change the password; every other session ends", body=NewPassword, answers={204: None}, problems=(429,)
    ),
    "POST /password-resets": Operation(
        "Ask for a link to set a new password; always the same answer", body=ResetRequest, answers={202: None}
    ),
    "POST /password-resets/confirmation": Operation(
        "Set a new password by the token of the link; every session ends",
        body=Reset,
        answers={204: _DROPPED},
        problems=(403,),
    ),
}
