"""Who holds every store and every KMS key, and tries to read a database: written from the documentation alone.

It shares no code with the functions, so that it finds what they would not look for.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from local.leftovers import Place
from tests.integration.deployed import Deployed

NONCE, TAG = 12, 16
FRAME = 1024 * 1024 + NONCE + TAG


@dataclass(frozen=True)
class Opener:
    """Everything of one database that its data keys, as they were found or kept, can open in the whole engine."""

    system: Deployed
    database: str

    def roots(self) -> dict[str, bytes]:
        """The data key as each region still gives it away, by region."""
        found = {}
        for region in self.system.regions:
            for item in self.system.items("keys", region):
                if item["database_id"] == self.database and "wrapped" in item:
                    found[region] = self._unwrapped(region, bytes(item["wrapped"]))
        return {region: root for region, root in found.items() if root is not None}

    def opened(self, roots: Mapping[str, bytes]) -> list[Place]:
        """What opens anywhere under any of the keys: items of every table, objects of every bucket, all versions."""
        keys = [HKDF(SHA256(), 32, None, b"records").derive(root) for root in set(roots.values())]
        return [*self._items(keys), *self._objects(keys)]

    def _unwrapped(self, region: str, wrapped: bytes) -> bytes | None:
        kms = self.system.client("kms", region)
        try:
            plain: bytes = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"database": self.database})[
                "Plaintext"
            ]
        except ClientError:
            return None
        return plain

    def _items(self, keys: list[bytes]) -> Iterator[Place]:
        read = TypeDeserializer().deserialize
        for region in self.system.regions:
            dynamodb = self.system.client("dynamodb", region)
            for table in dynamodb.list_tables()["TableNames"]:
                for page in dynamodb.get_paginator("scan").paginate(TableName=table):
                    for typed in page["Items"]:
                        item = {name: read(value) for name, value in typed.items()}
                        texts = [text for text in _parts(item) if isinstance(text, str)]
                        for blob in (part for part in _parts(item) if isinstance(part, bytes)):
                            plain = self._unsealed(keys, blob, texts)
                            if plain is not None:
                                yield Place(f"{region} table {table}", plain)

    def _objects(self, keys: list[bytes]) -> Iterator[Place]:
        s3 = self.system.client("s3")
        for bucket in (entry["Name"] for entry in s3.list_buckets()["Buckets"]):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for version in page.get("Versions", []):
                    if self.database not in version["Key"]:
                        continue
                    name = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
                    plain = self._frames(keys, version["Key"], s3.get_object(**name)["Body"].read())
                    if plain is not None:
                        yield Place(f"bucket {bucket} object {version['Key']}", _unzipped(plain))

    def _frames(self, keys: list[bytes], key: str, sealed: bytes) -> bytes | None:
        """A backup's plain bytes; of one that was cut short, what there is."""
        backup = key.rsplit("/", 1)[-1].split(".", 1)[0]
        plain = b""
        frames = [sealed[start : start + FRAME] for start in range(0, len(sealed), FRAME)]
        for number, frame in enumerate(frames):
            places = [f"backup|{backup}|{number}|{end}" for end in ("more", "last")] + [f"backup|{backup}|journal"]
            opened = self._unsealed(keys, frame, places)
            if opened is None:
                return plain or None
            plain += opened
        return plain

    def _unsealed(self, keys: list[bytes], blob: bytes, places: list[str]) -> bytes | None:
        for key in keys:
            for place in places:
                try:
                    return AESGCM(key).decrypt(blob[:NONCE], blob[NONCE:], f"{self.database}|{place}".encode())
                except (InvalidTag, ValueError):
                    continue
        return None


def _parts(value: Any) -> Iterator[str | bytes]:
    if isinstance(value, dict):
        for entry in value.values():
            yield from _parts(entry)
    elif isinstance(value, list | set | tuple):
        for entry in value:
            yield from _parts(entry)
    elif isinstance(value, bytes | Binary):
        yield bytes(value)
    elif isinstance(value, str):
        yield value


def _unzipped(plain: bytes) -> bytes:
    """Every member of an archive, one after the other; what is none stays as it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(plain)) as archive:
            return b"\0".join(archive.read(name) for name in archive.namelist())
    except (zipfile.BadZipFile, zlib.error):
        return plain
