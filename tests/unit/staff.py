"""The issuer of staff tokens, as a test plays it, and staff at their tools."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tests.unit.engine import NOON, Answer, environment, http

ISSUER, AUDIENCE = "https://login.example", "helpdesk-tools"


@dataclass
class Issuer:
    """Signs tokens with a key of its own, and publishes it."""

    key_id: str = "k1"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def document(self) -> dict[str, Any]:
        """The key set."""
        return {"keys": [json.loads(ECAlgorithm.to_jwk(self.key.public_key())) | {"kid": self.key_id}]}

    def token(self, role: str = "dpo", *, now: datetime = NOON, key: Any = None, **claims: Any) -> str:
        """A token that counts for an hour; `claims` add, replace or (None) leave out."""
        whole: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"person-{role}", "roles": [role]}
        whole |= {"iat": int(now.timestamp()), "exp": int((now + timedelta(hours=1)).timestamp())} | claims
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm="ES256", headers={"kid": self.key_id})

    def environment(self, function: str) -> dict[str, str]:
        """What a function that staff call finds in its environment."""
        document = json.dumps(self.document)
        return environment(function, StaffIssuer=ISSUER, StaffAudience=AUDIENCE, StaffKeySet=document)


def call(app: Any, token: str | None, method: str, path: str, **request: Any) -> Answer:
    """Call a route as staff."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return http(app, method, path, headers=headers | request.pop("headers", {}), **request)
