"""Databases on their way to another region: workers, messages and faults of the test's own; a look at both sides."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from database_expiry import app as expiry_app
from database_expiry.parts import assemble as expiry_parts
from database_move import app as move_app
from database_move.parts import MoveSettings, assemble
from database_move.place import Place, Stage
from privacy.aws import client
from privacy.hosting.transfers import export_key, staging_key
from privacy.models.databases import Database
from privacy.models.ids import new_id, new_id_within
from privacy.models.jobs import LEASE_SECONDS, Job, JobStatus, Kind
from privacy.queues import Queues
from privacy.schedules import SweepFailedError
from privacy.settings import Deployment, load
from privacy.tables.keys import KeyState
from privacy.tables.store import transact
from tests.simulation.broker import Broker, Message
from tests.simulation.faults import CrashError, Faults
from tests.unit import engine
from tests.unit.database_export.world import POLICY, Content, content_of, databases, files_of, host, jobs
from tests.unit.engine import Context, SetClock, failures, schedule_event, sqs_event

QUEUE = "move"

MOVE, EXPIRY = "DatabaseMoveFunction", "DatabaseExpiryFunction"
TICK = timedelta(minutes=15)
SETTLE = timedelta(seconds=60)
"""Template.yaml, DrainSeconds."""

_ONE_AT_A_TIME = threading.RLock()


class _Locked:
    """moto keeps its tables in dictionaries that it copies: calls at the same time break it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in ("exceptions", "meta") or name.startswith("generate_presigned"):
            return found

        def call(**arguments: Any) -> Any:
            with _ONE_AT_A_TIME:
                return found(**arguments)

        return call


@dataclass
class World:
    """`seconds` is the time that a worker has, `per_call` what a call takes of it. Without `ticks` no sweep runs,
    and what a dead worker had comes again once its lease is over: the same, in half the time.
    """

    clock: SetClock
    seconds: float = 900.0
    per_call: float = 0.0
    ticks: bool = True
    broker: Broker = field(init=False)
    faults: Faults = field(init=False)
    turns: int = 0
    asked: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = Broker(self.clock)
        self.faults = Faults(self._client)

    def _client(self, service: str, region: str) -> Any:
        return self.broker.client(region) if service == "sqs" else _Locked(client(service, region))

    def ask(self, made: Database, to: str) -> Job:
        """What `POST /databases/{id}/region` leaves: the job, the mark on the database, a message."""
        job = Job(
            made.id, new_id("job"), Kind.MOVE, JobStatus.QUEUED, self.clock(), detail={"from": made.region, "to": to}
        )
        transact(jobs().table.client, [databases().move_operation(made, job.id), jobs().create_operation(job)])
        self.send(job, made.region)
        self.asked.append(job)
        return job

    def send(self, job: Job, region: str) -> None:
        ids = {"database_id": job.database_id, "job_id": job.id}
        Queues(engine.STACK, engine.ACCOUNT, self._client).send(QUEUE, POLICY.regions[region].aws, ids)

    def deliver(self, message: Message) -> bool:
        """Give a message to a fresh worker of its region; whether it was done and so goes from the queue."""
        if not self.broker.receive(message):
            return False
        self.turns += 1
        settings = load(MoveSettings, engine.environment(MOVE, message.region))
        parts = assemble(settings, self.clock, self.faults)
        event = sqs_event([message.body], QUEUE, message.region)
        try:
            answer = move_app.build(lambda: parts)(event, _Remaining(self))
        except CrashError:
            if not self.ticks:
                message.visible_at = self.clock() + timedelta(seconds=LEASE_SECONDS)
            return False
        if failures(answer):
            message.visible_at = self.clock() + timedelta(seconds=10)
            return False
        self.broker.delete(message)
        return True

    def tick(self) -> dict[str, Any] | None:
        """A tick of database expiry; None when it failed."""
        parts = expiry_parts(load(Deployment, engine.environment(EXPIRY)), self.clock, self._client)
        try:
            return expiry_app.build(lambda: parts)(schedule_event(self.clock()), Context())
        except SweepFailedError:
            return None
        finally:
            self._end_backups()

    def _end_backups(self) -> None:
        """What the backup worker makes of the backups that a tick begins: here it is enough that they end."""
        for message in [message for message in self.broker.waiting if message.queue == "backup"]:
            self.broker.delete(message)
            taken = jobs().take(message.ids["database_id"], message.ids["job_id"], self.clock())
            if taken:
                transact(jobs().table.client, [jobs().finish_operation(taken, JobStatus.FAILED, self.clock())])

    def run(self, *, until: Callable[[], bool] = lambda: False, longest: timedelta = timedelta(hours=6)) -> None:
        """Let time pass from message to message and tick to tick until something holds, or nothing is under way."""
        end, next_tick = self.clock() + longest, self.clock() + TICK
        while not until():
            for message in self.broker.due(QUEUE):
                self.deliver(message)
                if until():
                    return
            waiting = self.broker.next_at(QUEUE)
            if waiting is None and all(job_of(job).is_over() for job in self.asked):
                return
            moments = [moment for moment in (waiting, next_tick if self.ticks else None) if moment]
            assert moments, "nothing is under way any more"
            self.clock.set(max(self.clock(), min(moments)))
            assert self.clock() < end, "it takes too long"
            if self.ticks and self.clock() >= next_tick:
                self.tick()
                next_tick += TICK

    def during(self, job: Job, stage: Stage, act: Callable[[], object]) -> list[Stage]:
        """Let something happen once, right before a worker's first call in a stage; a list that then has it."""
        done: list[Stage] = []

        def look() -> None:
            if not done and jobs().get(job.database_id, job.id) is not None and stage_of(job) is stage:
                done.append(stage)
                act()

        self.faults.meanwhile = look
        return done

    def moved(self, made: Database, to: str) -> Job:
        """Ask for a move and let it end."""
        job = self.ask(made, to)
        self.run()
        return job_of(job)


class _Remaining(Context):
    """A context whose time runs with the calls that the worker makes."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world, self._begun = world, len(world.faults.calls)

    def get_remaining_time_in_millis(self) -> int:
        spent = self._world.per_call * (len(self._world.faults.calls) - self._begun)
        return int((self._world.seconds - spent) * 1000)


def job_of(job: Job) -> Job:
    found = jobs().get(job.database_id, job.id)
    assert found is not None
    return found


def stage_of(job: Job) -> Stage:
    return Place.of(job_of(job)).stage


def row(made: Database) -> Database:
    found = databases().get(made.id)
    assert found is not None
    return found


def key_state(made: Database, region: str) -> KeyState | None:
    held = host(region).keyring.keys.get(made.id)
    return held.state if held else None


def now_in(made: Database) -> Content:
    """What a database holds, read where it is now."""
    return content_of(row(made))


# --- what is passing through ---------------------------------------------------------------------------------------


def ready_export(made: Database, clock: SetClock, body: bytes = b"PK an export") -> Job:
    """A ready export, as its worker left it."""
    job = Job(made.id, new_id_within("exp", made.id), Kind.EXPORT, JobStatus.QUEUED, clock())
    jobs().create(job)
    taken = jobs().take(made.id, job.id, clock())
    assert taken
    detail = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    transact(jobs().table.client, [jobs().finish_operation(taken, JobStatus.READY, clock(), detail=detail)])
    place = host(made.region)
    place.s3.put_object(Bucket=place.transfer_bucket, Key=export_key(made.id, job.id), Body=body)
    return job


def upload(made: Database, clock: SetClock, status: JobStatus) -> Job:
    """An upload of the database: complete, or with its parts still under way."""
    place, upload_id = host(made.region), new_id_within("upl", made.id)
    named = {"Bucket": place.transfer_bucket, "Key": staging_key(made.id, upload_id)}
    detail: dict[str, Any] = {"bytes": 4, "sealed": files_of(made).sealed_type(upload_id, "text/plain")}
    if status is JobStatus.OPEN:
        detail["s3_upload"] = place.s3.create_multipart_upload(**named)["UploadId"]
    else:
        place.s3.put_object(**named, Body=b"film")
    job = Job(made.id, upload_id, Kind.UPLOAD, JobStatus.OPEN, clock(), detail=detail)
    jobs().create(job)
    return job if status is JobStatus.OPEN else jobs().settle(job, status) or job


# --- a look at both sides, asked of the engine ---------------------------------------------------------------------


def left_in(region: str, database_id: str) -> list[str]:
    """Everything of a database's content in a region: items, versions, markers and open uploads."""
    aws_region = POLICY.regions[region].aws
    found = [
        f"item {item['place']} {item['id']}"
        for item in engine.items("content", aws_region)
        if database_id in repr(item)
    ]
    place = host(region)
    for bucket in (place.content_bucket, place.transfer_bucket):
        for page in place.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            found += [f"object {entry['Key']}" for entry in entries if database_id in entry["Key"]]
        opened = place.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        found += [f"upload {entry['Key']}" for entry in opened if database_id in entry["Key"]]
    return found


def in_transfer(region: str, key: str) -> bytes | None:
    place = host(region)
    listed = place.s3.list_objects_v2(Bucket=place.transfer_bucket, Prefix=key).get("Contents", [])
    if not listed:
        return None
    body: bytes = place.s3.get_object(Bucket=place.transfer_bucket, Key=key)["Body"].read()
    return body
