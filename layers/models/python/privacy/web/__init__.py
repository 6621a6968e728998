"""The HTTP edge, for functions only: app factory, identity, bodies, problem+json, idempotency, paging."""

from privacy.web.app import PrivacyApp, answer
from privacy.web.problems import ProblemError

__all__ = ["PrivacyApp", "ProblemError", "answer"]
