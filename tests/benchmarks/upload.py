"""Records uploaded a second: the content function's batch route, from API Gateway's event to its answer.

Ours: the event is taken apart, the session used, the database found, each line judged and kept as it was written, names
replaced by tags, records sealed, batches of 25 given to DynamoDB. Baseline, over the same lines and the same DynamoDB:
`json.loads`, `json.dumps`, AES-GCM, boto3's TypeSerializer and batches of 25, written down without a check or a name
hidden. DynamoDB answers at once and processor time is taken, so that the two differ by code alone.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import replace

from boto3.dynamodb.types import TypeSerializer
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from content.app import build
from content.parts import ContentSettings, assemble
from privacy.models.sessions import Session
from privacy.settings import load
from privacy.vault.tokens import Pseudonyms, new_session_token, session_hash
from tests.benchmarks import samples
from tests.benchmarks.cloud import MODEL, Cloud, standing_clock
from tests.benchmarks.figures import BenchmarkError, Figure, Goal, Say
from tests.benchmarks.timing import best_of, cpu_seconds
from tests.unit.engine import NAMES, NOON, Context, environment, rest_event, send

RECORDS = 10_000
"""About what fits into one batch of 4 MB."""
ROUNDS = 7
QUICK_RECORDS, QUICK_ROUNDS = 1_000, 3


def figures(quick: bool, say: Say) -> Iterator[Figure]:
    """The figure."""
    count, rounds = (QUICK_RECORDS, QUICK_ROUNDS) if quick else (RECORDS, ROUNDS)
    body = samples.lines(count)
    cloud = Cloud()
    settings = load(ContentSettings, environment("ContentFunction"))
    parts = replace(assemble(settings, standing_clock, cloud.client), pseudonyms=_pseudonyms)
    app = build(lambda: parts)
    token = new_session_token()
    parts.sessions.create(Session(session_hash(token), "acc_benchmark", NOON, NOON))
    database = cloud.database(owner=_pseudonyms().owner("acc_benchmark"))
    path = f"/databases/{database.id}/records/{MODEL}"
    headers = {"Content-Type": "application/x-ndjson", "X-Requested-With": "benchmark"}
    event = rest_event(app, "POST", path, body=body, headers=headers, cookie=token)
    answer = send(app, event)
    if answer.status != 200 or answer.json()["accepted"] != count:
        raise BenchmarkError("the batch was not accepted")
    say(f"{count} records, {rounds} times")
    ours, theirs = best_of(
        rounds, lambda: cpu_seconds(lambda: app(event, Context())), lambda: cpu_seconds(lambda: _by_hand(cloud, body))
    )
    yield Figure("records uploaded", count / ours, "records/s", count / theirs, Goal(">=", 0.5))


def _by_hand(cloud: Cloud, body: bytes) -> None:
    serialize, sealer = TypeSerializer().serialize, AESGCM(b"\x17" * 32)
    requests = []
    for line in body.splitlines():
        record = json.loads(line)
        nonce, key = os.urandom(12), record["key"]
        sealed = nonce + sealer.encrypt(nonce, json.dumps(record["data"]).encode("utf-8"), key.encode("utf-8"))
        item = {"place": "by hand", "id": key, "sealed": sealed, "size": len(sealed)}
        requests.append({"PutRequest": {"Item": {name: serialize(value) for name, value in item.items()}}})
    for start in range(0, len(requests), 25):
        cloud.dynamodb.batch_write_item(RequestItems={NAMES.table("content"): requests[start : start + 25]})


def _pseudonyms() -> Pseudonyms:
    return Pseudonyms(b"a secret of the benchmarks")
