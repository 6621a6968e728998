"""A deployment in this process over stores that cost next to nothing, and a customer database in it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from privacy import policy
from privacy.hosting import Host, hosts
from privacy.hosting.files import Files
from privacy.hosting.partitions import RECORD
from privacy.hosting.records import Records, new_record
from privacy.models.databases import Counts, Database, Status
from privacy.models.ids import new_id
from privacy.tables.databases import Databases
from privacy.tables.store import Table
from tests.benchmarks.buckets import Buckets
from tests.benchmarks.dynamo import Dynamo
from tests.benchmarks.figures import BenchmarkError
from tests.template.source import resources
from tests.unit.engine import HOME, NAMES, NOON, REGIONS, Context, Resolver, failures, sqs_event

POLICY = policy.load()
REGION = "asia"
MODEL = "people"


class Kms:
    """Wraps data keys by not wrapping them: KMS's own time is not ours."""

    def generate_data_key(self, **call: Any) -> dict[str, Any]:
        return {"CiphertextBlob": b"\x17" * 32, "Plaintext": b"\x17" * 32}

    def encrypt(self, **call: Any) -> dict[str, Any]:
        return {"CiphertextBlob": call["Plaintext"]}

    def decrypt(self, **call: Any) -> dict[str, Any]:
        return {"Plaintext": call["CiphertextBlob"]}

    def sign(self, **call: Any) -> dict[str, Any]:
        return {"KeyId": call["KeyId"], "Signature": _SIGNS.sign(call["Message"], ec.ECDSA(SHA256()))}

    def get_public_key(self, **call: Any) -> dict[str, Any]:
        public = _SIGNS.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": public}


_SIGNS = ec.generate_private_key(ec.SECP256R1())


class Sqs:
    """Keeps what was sent, for `Cloud.work`."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def get_queue_url(self, **call: Any) -> dict[str, Any]:
        return {"QueueUrl": call["QueueName"]}

    def send_message(self, **call: Any) -> dict[str, Any]:
        self.waiting.append(call["MessageBody"])
        return {}


class Cloud:
    """The stores of one deployment, and its clients. `dynamodb` is that of the home region, where the database is.

    `tables` (by AWS region) and `s3` are made, unless they lie elsewhere.
    """

    def __init__(self, tables: Mapping[str, Dynamo] | None = None, s3: Buckets | None = None) -> None:
        self.tables = tables or {region: Dynamo(_keys()) for region in REGIONS}
        self.s3 = s3 or Buckets()
        self.sqs = Sqs()
        self.services = {"s3": self.s3, "sqs": self.sqs, "kms": Kms()}
        self.hosts = hosts(NAMES, POLICY, self.client)

    @property
    def dynamodb(self) -> Dynamo:
        """The tables of the home region."""
        return self.tables[HOME]

    def client(self, service: str, region: str) -> Any:
        """The client of a service: tables are a region's own, the rest is the same in every one."""
        return self.tables[region] if service == "dynamodb" else self.services[service]

    @property
    def host(self) -> Host:
        """The host of the database."""
        return self.hosts(REGION)

    def table(self, thing: str) -> Table:
        """A table by its thing."""
        return Table(self.dynamodb, NAMES.table(thing))

    def calls(self) -> int:
        """Calls to DynamoDB and S3 so far."""
        return sum(tables.calls.total() for tables in self.tables.values()) + self.s3.calls.total()

    def database(self, status: Status = Status.ACTIVE, counts: Counts | None = None, owner: str = "nobody") -> Database:
        """A new database with its data key."""
        made = Database(new_id("db"), owner, "Benchmark", REGION, status, NOON, NOON, "2026-11-24", counts)
        self.host.keyring.create(made.id, NOON)
        Databases(self.table("databases")).create(made)
        return made

    def put_records(self, database: Database, records: Sequence[tuple[str, bytes]]) -> None:
        """Store records (key and JSON), as our own code writes them."""
        Records(self.host, database.id).put_all([new_record(MODEL, key, data, NOON) for key, data in records])

    def put_file(self, database: Database, path: str, content_type: str, content: bytes) -> None:
        """Store a file, as our own code writes it. The bytes are kept by reference."""
        Files(self.host, database.id).put(path, content_type, content, NOON)

    def repeat_records(self, times: int) -> None:
        """Give the records of a database that many times over to whoever reads them all."""
        self.dynamodb.repeat[RECORD] = times

    def work(self, handler: Any, message: dict[str, str]) -> None:
        """Give a queue function its message, and every message that comes of it. Raises: BenchmarkError."""
        self.sqs.waiting.append(json.dumps(message))
        while self.sqs.waiting:
            answer = handler(sqs_event([self.sqs.waiting.pop(0)]), Context(seconds=900))
            if failures(answer):
                raise BenchmarkError("the function did not do what its message asked for; its log says why")


def standing_clock() -> datetime:
    """A clock that stands still: nothing expires in a benchmark."""
    return NOON


def _keys() -> dict[str, tuple[str, ...]]:
    resolve = Resolver(HOME)
    tables = [resolve(table["Properties"]) for table in resources("AWS::DynamoDB::Table").values()]
    return {
        table["TableName"]: tuple(
            part["AttributeName"] for part in sorted(table["KeySchema"], key=lambda part: str(part["KeyType"]))
        )
        for table in tables
    }
