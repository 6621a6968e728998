"""Staff tokens for the local engine: signed with a key that was made here and is trusted nowhere else."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

ISSUER = "https://login.perfectwork.example"
AUDIENCE = "perfectwork-helpdesk"
ROLES = ("helpdesk", "security", "dpo")
LIFE = timedelta(hours=8)
"""How long a token counts: a working day."""

_KEY_ID = "local"


def key_set(folder: Path) -> str:
    """The key set (RFC 7517) that the deployed functions trust; its key is made when there is none yet."""
    public = json.loads(ECAlgorithm.to_jwk(_key(folder).public_key()))
    return json.dumps({"keys": [public | {"kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}, separators=(",", ":"))


def token(folder: Path, role: str, person: str, now: datetime) -> str:
    """A token for a person of a role, from now on."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": person, "roles": [role], "iat": now, "exp": now + LIFE}
    return jwt.encode(claims, _key(folder), algorithm="ES256", headers={"kid": _KEY_ID})


def _key(folder: Path) -> ec.EllipticCurvePrivateKey:
    path = folder / "staff.pem"
    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        unfinished = path.with_suffix(".new")
        unfinished.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        unfinished.chmod(0o600)
        os.replace(unfinished, path)
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key in the engine's folder is none of ours")
    return key
