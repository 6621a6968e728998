"""The checks, one for each promise. A check is a function of the stores and a look, and reads nothing else."""

from collections.abc import Mapping
from types import MappingProxyType

from promise_audit.checks import collecting, cookies, databases, forgetting, policies, rights, security, sharing
from promise_audit.checks.proof import Check, proof

_OF_STORES: Mapping[str, Check] = {
    "signup.fields": collecting.signup_fields,
    "signup.password": collecting.signup_password,
    "signup.no-cards": collecting.signup_no_cards,
    "signup.captcha": collecting.signup_captcha,
    "signup.confirmed": collecting.signup_confirmed,
    "signup.trial": collecting.signup_trial,
    "visits.fields": collecting.visits_fields,
    "visits.unlinked": collecting.visits_unlinked,
    "contact.inquiry": collecting.contact_inquiry,
    "sessions.idle": forgetting.sessions_idle,
    "sessions.max-age": forgetting.sessions_max_age,
    "visits.retention": forgetting.visits_retention,
    "recordings.retention": forgetting.recordings_retention,
    "accounts.necessity": forgetting.accounts_necessity,
    "exports.retention": forgetting.exports_retention,
    "databases.ownership": databases.ownership,
    "databases.export": databases.export,
    "databases.grace": databases.grace,
    "databases.deletion": databases.deletion,
    "databases.destroyed": databases.destroyed,
    "databases.region": databases.region,
    "databases.backups": databases.backups,
    "rights.access": rights.access,
    "rights.rectify": rights.rectify,
    "rights.erase": rights.erase,
    "marketing.opt-out": rights.opt_out,
    "helpdesk.access": rights.helpdesk_access,
    "correlation.gate": rights.correlation_gate,
    "processors.register": sharing.processors_register,
    "processors.allow-list": sharing.processors_allow_list,
    "disclosure.aggregate": sharing.disclosure_aggregate,
    "cookies.choice": cookies.cookies_choice,
    "cookies.register": cookies.cookies_register,
    "policy.versions": policies.versions,
    "policy.single-source": policies.single_source,
    "security.measures": security.measures,
}

NAMES: Mapping[str, str] = MappingProxyType(
    {promise: f"{check.__module__.rsplit('.', 1)[-1]}.{check.__name__}" for promise, check in _OF_STORES.items()}
    | {"audit.proof": "proof.audit_proof"}
)
"""The name of each promise's check, as mapping.json says it."""

CHECKS: Mapping[str, Check] = MappingProxyType({**_OF_STORES, "audit.proof": proof(NAMES)})
"""The check of each promise."""
