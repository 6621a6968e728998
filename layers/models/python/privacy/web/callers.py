"""Who may call each route, in one table (api.md): a route without a row fails a test, and staff are let in by it."""

from enum import StrEnum
from types import MappingProxyType

from privacy.models.staff import Role


class Open(StrEnum):
    """Who calls a route that is not for staff."""

    ANYBODY = "anybody"
    CUSTOMER = "customer"
    """With a session, for what is their own."""


Callers = Open | frozenset[Role]

_HELPDESK = frozenset({Role.HELPDESK})
_SECURITY = frozenset({Role.SECURITY})
_DPO = frozenset({Role.DPO})

CALLERS = MappingProxyType[str, Callers](
    {
        # the website
        "POST /signups": Open.ANYBODY,
        "POST /signups/confirmation": Open.ANYBODY,
        "POST /visits": Open.ANYBODY,
        "POST /sessions": Open.ANYBODY,
        "GET /certificates/key": Open.ANYBODY,
        # the control panel
        "GET /sessions/current": Open.CUSTOMER,
        "DELETE /sessions/current": Open.CUSTOMER,
        "POST /databases": Open.CUSTOMER,
        "GET /databases": Open.CUSTOMER,
        "GET /databases/{database_id}": Open.CUSTOMER,
        "POST /databases/{database_id}/cancellation": Open.CUSTOMER,
        "DELETE /databases/{database_id}/cancellation": Open.CUSTOMER,
        "POST /databases/{database_id}/deletion": Open.CUSTOMER,
        "GET /databases/{database_id}/deletion": Open.CUSTOMER,
        "GET /databases/{database_id}/certificate": Open.CUSTOMER,
        "POST /databases/{database_id}/exports": Open.CUSTOMER,
        "GET /databases/{database_id}/exports/{export_id}": Open.CUSTOMER,
        "POST /databases/{database_id}/import": Open.CUSTOMER,
        "POST /databases/{database_id}/region": Open.CUSTOMER,
        "GET /databases/{database_id}/jobs/{job_id}": Open.CUSTOMER,
        "GET /databases/{database_id}/backups": Open.CUSTOMER,
        "GET /databases/{database_id}/models": Open.CUSTOMER,
        "GET /databases/{database_id}/records/{model}": Open.CUSTOMER,
        "POST /databases/{database_id}/records/{model}": Open.CUSTOMER,
        "GET /databases/{database_id}/records/{model}/{key}": Open.CUSTOMER,
        "PUT /databases/{database_id}/records/{model}/{key}": Open.CUSTOMER,
        "DELETE /databases/{database_id}/records/{model}/{key}": Open.CUSTOMER,
        "GET /databases/{database_id}/files": Open.CUSTOMER,
        "GET /databases/{database_id}/files/content": Open.CUSTOMER,
        "PUT /databases/{database_id}/files/content": Open.CUSTOMER,
        "DELETE /databases/{database_id}/files/content": Open.CUSTOMER,
        "POST /uploads": Open.CUSTOMER,
        "POST /uploads/{upload_id}/completion": Open.CUSTOMER,
        # the person's rights
        # recordings
        # marketing
        # access of the HelpDesk
        # holds
        "POST /helpdesk/holds": _SECURITY | _DPO,
        "GET /helpdesk/holds": _SECURITY | _DPO,
        "DELETE /helpdesk/holds/{hold_id}": _SECURITY | _DPO,
        # correlation
        # the audit trail
        "GET /helpdesk/audit": _DPO,
    }
)


def roles_of(method: str, path: str) -> frozenset[Role]:
    """The roles of staff that a route is for: none, when it is not for staff."""
    callers = CALLERS.get(f"{method} {path}")
    return callers if isinstance(callers, frozenset) else frozenset()
