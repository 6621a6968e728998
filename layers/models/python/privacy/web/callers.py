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
        "GET /promises": Open.ANYBODY,
        "GET /cookies/consent": Open.ANYBODY,
        "PUT /cookies/consent": Open.ANYBODY,
        "POST /password-resets": Open.ANYBODY,
        "POST /password-resets/confirmation": Open.ANYBODY,
        # the policy
        "GET /policy": Open.ANYBODY,
        "GET /policy/versions": Open.ANYBODY,
        "GET /policy/versions/{date}": Open.ANYBODY,
        "GET /policy/changes": Open.ANYBODY,
        "GET /cookies": Open.ANYBODY,
        "GET /processors": Open.ANYBODY,
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
        "PUT /account/password": Open.CUSTOMER,
        "GET /account": Open.CUSTOMER,
        "PATCH /account": Open.CUSTOMER,
        "POST /account/email/confirmation": Open.CUSTOMER,
        "GET /account/data": Open.CUSTOMER,
        "POST /account/data/exports": Open.CUSTOMER,
        "GET /account/data/exports/{export_id}": Open.CUSTOMER,
        "POST /account/erasure": Open.CUSTOMER,
        "GET /account/erasure": Open.CUSTOMER,
        "GET /helpdesk/erasures": _HELPDESK,
        "GET /helpdesk/erasures/{erasure_id}": _HELPDESK,
        "POST /helpdesk/erasures/{erasure_id}/decision": _HELPDESK,
        # recordings
        "POST /recordings": Open.CUSTOMER,
        "GET /recordings": Open.CUSTOMER,
        "DELETE /recordings/{recording_id}": Open.CUSTOMER,
        "PUT /recordings/{recording_id}/status": _HELPDESK,
        # marketing
        "GET /account/marketing": Open.CUSTOMER,
        "PUT /account/marketing": Open.CUSTOMER,
        "GET /marketing/opt-out/{token}": Open.ANYBODY,
        "POST /marketing/opt-out/{token}": Open.ANYBODY,
        "POST /helpdesk/campaigns": _HELPDESK,
        "GET /helpdesk/campaigns/{campaign_id}": _HELPDESK,
        # access of the HelpDesk
        "POST /databases/{database_id}/support-requests": Open.CUSTOMER,
        "GET /databases/{database_id}/access-log": Open.CUSTOMER,
        "GET /helpdesk/support-requests": _HELPDESK,
        "POST /helpdesk/grants": _HELPDESK,
        "DELETE /helpdesk/grants/{grant_id}": _HELPDESK,
        "GET /helpdesk/databases/{database_id}/records/{model}": _HELPDESK,
        "GET /helpdesk/databases/{database_id}/records/{model}/{key}": _HELPDESK,
        "GET /helpdesk/databases/{database_id}/files": _HELPDESK,
        "GET /helpdesk/databases/{database_id}/files/content": _HELPDESK,
        "GET /helpdesk/recordings/{recording_id}/content": _HELPDESK,
        # holds
        "POST /helpdesk/holds": _SECURITY | _DPO,
        "GET /helpdesk/holds": _SECURITY | _DPO,
        "DELETE /helpdesk/holds/{hold_id}": _SECURITY | _DPO,
        # correlation
        "POST /helpdesk/correlations": _SECURITY,
        "GET /helpdesk/correlations/{correlation_id}": _SECURITY | _DPO,
        "POST /helpdesk/correlations/{correlation_id}/approval": _DPO,
        # trends
        "GET /helpdesk/trends": _DPO,
        # what processors receive
        "GET /helpdesk/disclosures": _DPO,
        "POST /helpdesk/disclosures/{disclosure_id}/resend": _DPO,
        # the audit trail
        "GET /helpdesk/audit": _DPO,
    }
)


def roles_of(method: str, path: str) -> frozenset[Role]:
    """The roles of staff that a route is for: none, when it is not for staff."""
    callers = CALLERS.get(f"{method} {path}")
    return callers if isinstance(callers, frozenset) else frozenset()
