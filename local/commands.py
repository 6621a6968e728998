"""The commands of `python -m local`: each prints for a person and gives the exit code."""

import argparse
import base64
import contextlib
import importlib
import json
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from local import certificates, deployment, functions, outbox, sink, tokens, travel
from local.engine import Engine, EngineError


def start(engine: Engine, given: argparse.Namespace) -> int:
    """Start, deploy, and say what to try."""
    print(f"{'running' if engine.running() else 'starting'} on {engine.url} …", flush=True)
    try:
        engine.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"cannot make the folder {engine.folder}: {error.strerror}") from None
    engine.start()
    sink.start(engine.folder)
    print("deploying template.yaml in both regions …", flush=True)
    known = deployment.deploy(engine)
    ahead = travel.offset(engine.folder)
    travel.travel(engine, known["regions"].values(), ahead)
    if ahead:
        print(f"the functions' clock is still {ahead} ahead (.venv/bin/python -m local travel --reset)")
    api = known["api"][known["home"]]
    print(
        f"""
The API is at {api}
Try:
  curl -i -X POST {api}/visits -H 'Content-Type: application/json' -d '{{"language": "en"}}'
  curl -i -X POST {api}/signups -H 'Content-Type: application/json' -H 'X-Requested-With: curl' -d '{{
    "kind": "trial", "name": "Ada Lovelace", "email": "ada@example.com", "password": "a long enough password",
    "marketing_consent": false, "captcha_token": "local"}}'
  make mail
"""
    )
    return 0


def stop(engine: Engine, given: argparse.Namespace) -> int:
    """End the engine, its state kept."""
    with contextlib.suppress(EngineError):  # one that answers nothing more is ended all the same
        outbox.keep(f"{engine.url}{deployment.OUTBOX}", engine.folder)
    sink.stop(engine.folder)
    stopped = engine.stop()
    print(f"stopped; the state is kept in {engine.folder}" if stopped else "no engine runs: nothing to stop")
    return 0


def forget(engine: Engine, given: argparse.Namespace) -> int:
    """Begin anew."""
    sink.stop(engine.folder)
    engine.forget()
    print(f"the state in {engine.folder} is gone")
    return 0


def status(engine: Engine, given: argparse.Namespace) -> int:
    """Whether it runs; exit code 1 when not."""
    pid = engine.running()
    print(f"running on {engine.url} (process {pid})" if pid else "not running: `make local` starts it")
    print(f"the functions' time is {travel.now(engine.folder):%Y-%m-%d %H:%M:%S} UTC")
    return 0 if pid else 1


def endpoints(engine: Engine, given: argparse.Namespace) -> int:
    """What `endpoints.json` says."""
    print(json.dumps(_endpoints(engine), indent=2))
    return 0


def show_mail(engine: Engine, given: argparse.Namespace) -> int:
    """The outbox."""
    live = outbox.read(_endpoints(engine)["outbox"])
    mails = [*outbox.kept(engine.folder), *live][-1 if given.last else 0 :]
    if given.json:
        print(json.dumps([asdict(mail) for mail in mails], indent=2, ensure_ascii=False))
    else:
        print("\n----\n".join(outbox.show(mail) for mail in mails) or "no mail was sent yet")
    return 0


def show_disclosures(engine: Engine, given: argparse.Namespace) -> int:
    """What the processors would have received."""
    rows = sink.received(engine.folder)
    for row in rows:
        print(json.dumps(row, indent=2, ensure_ascii=False))
    if not rows:
        print("nothing was disclosed yet")
    return 0


def sweep(engine: Engine, given: argparse.Namespace) -> int:
    """A schedule's tick, now; or one of each, with a line for each."""
    if bool(given.name) == given.all:
        raise functions.FunctionError("say which, such as `sweep session_expiry`, or `sweep --all`")
    region = _region(given)
    scheduled = functions.scheduled_names(engine, region)
    if not given.all and functions.logical_id(given.name) not in map(functions.logical_id, scheduled):
        known = ", ".join(scheduled) or "none"
        raise functions.FunctionError(f"no schedule starts {given.name} in {region}; those that one starts: {known}")

    def tick(name: str) -> functions.Answer:
        return functions.invoke(engine, region, name, functions.scheduled_event(region, travel.now(engine.folder)))

    if given.name:
        return _print(tick(given.name))
    if not scheduled:
        raise functions.FunctionError(f"no schedule starts anything in {region}: all are in the home region")
    failed = False
    for name in scheduled:
        answer = tick(name)
        failed = failed or answer.failed
        said = f"failed: `.venv/bin/python -m local logs {name}` says why" if answer.failed else swept(answer.payload)
        print(f"{name:18} {said}", flush=True)
    return int(failed)


def swept(payload: dict[str, Any]) -> str:
    """A schedule's answer in a line: its totals, the stores in which something was due, those that are unfinished."""
    totals = {name: value for name, value in payload.items() if isinstance(value, int)}
    stores = {name: store for name, store in payload.items() if isinstance(store, dict)}
    totals |= {name: store["removed"] for name, store in stores.items() if store.get("removed")}
    unfinished = [name for name, store in stores.items() if store.get("left")]
    said = ", ".join(f"{name} {count}" for name, count in totals.items()) or "nothing was due"
    return f"{said}; not finished, run it again: {', '.join(unfinished)}" if unfinished else said


def show_promises(engine: Engine, given: argparse.Namespace) -> int:
    """An audit now, then what anybody may see of it, as a table."""
    home = deployment.places().home_region
    audited = functions.invoke(engine, home, functions.AUDIT, {"demand": "audit"})
    if audited.failed:
        return _print(audited)
    event = json.loads(Path("events/promises/show.json").read_text("utf-8"))
    shown = functions.invoke(engine, home, "promises", event)
    body = base64.b64decode(shown.payload["body"]) if shown.payload["isBase64Encoded"] else shown.payload["body"]
    for item in json.loads(body)["items"]:
        lag = item["latest_removal_lag"]
        late = f"removals up to {lag['max']} s late" if lag else ""
        print(f"{item['status']:8} {item['id']:24} since {item['since']}  {late}")
        for line in item["evidence"] if item["status"] != "kept" else item["evidence"][:1]:
            print(f"{'':8} {line}")
    return 0


def invoke(engine: Engine, given: argparse.Namespace) -> int:
    """Any function with an event from a file."""
    try:
        event = json.loads(Path(given.event).read_text())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise functions.FunctionError(f"cannot read {given.event}: {why}") from None
    return _print(functions.invoke(engine, _region(given), given.name, event))


def show_logs(engine: Engine, given: argparse.Namespace) -> int:
    """A function's log."""
    for line in functions.logs(engine, _region(given), given.name):
        print(line)
    return 0


def move_clock(engine: Engine, given: argparse.Namespace) -> int:
    """Further ahead, or back to the machine's time."""
    if bool(given.duration) == given.reset:
        raise travel.TravelError("say how far, such as `travel P22D`, or `travel --reset`")
    ahead = timedelta()
    if given.duration:
        now = travel.now(engine.folder)
        ahead = travel.further(travel.offset(engine.folder), given.duration, now)
    travel.travel(engine, _endpoints(engine)["regions"].values(), ahead)
    print(f"the functions' time is {travel.now(engine.folder):%Y-%m-%d %H:%M:%S} UTC, on this engine only")
    return 0


def restore(engine: Engine, given: argparse.Namespace) -> int:
    """A backup of a database, written back; exit code 1 when it is refused or fails."""
    region = _region(given)
    asked = {"database_id": given.database, "backup_id": given.backup, "overwrite": given.overwrite}
    answer = functions.invoke(engine, region, "database_restore", asked)
    following = {"database_id": given.database, "job_id": answer.payload.get("job_id")}
    while not answer.failed and answer.payload.get("status") in ("queued", "running"):
        time.sleep(1)
        answer = functions.invoke(engine, region, "database_restore", following)
    return _print(answer) or int(answer.payload.get("status") != "done")


def staff_token(engine: Engine, given: argparse.Namespace) -> int:
    """A token of a member of staff, for `Authorization: Bearer`."""
    _endpoints(engine)
    person = given.person or f"local-{given.role}"
    print(tokens.token(engine.folder, given.role, person, travel.now(engine.folder)))
    return 0


def take_tour(engine: Engine, given: argparse.Namespace) -> int:
    """The tour, loaded late: it needs more than the launcher does."""
    known = _endpoints(engine)
    return int(importlib.import_module("local.tour").main(known, engine))


def verify_certificate(engine: Engine, given: argparse.Namespace) -> int:
    """Whether a deletion certificate proves what it says: offline, from files alone."""
    checked = certificates.check(_file(given.file), key=_published(given.key) if given.key else None)
    if given.previous:
        certificates.follows(checked, certificates.check(_file(given.previous)))
    document = checked.document
    removed = sum(store["removed"] for store in document["stores"])
    things = "1 thing was" if removed == 1 else f"{removed} things were"
    signed = "is rightly signed by the key below, which must be compared with the published one; it says"
    proof = "is genuine" if given.key else signed
    print(
        f"{document['id']} {proof}: {checked.says};\n"
        f"{things} removed from {len(document['stores'])} stores, and each was found empty twice.\n"
        f"What could not be reached ({len(document['unreachable'])}):"
    )
    for row in document["unreachable"]:
        print(
            f"- {row['what']} ({row['region'] or 'anywhere'}): {row['why']}; until {row['until'] or 'no date of ours'}"
        )
    follows = "follows the one given" if given.previous else "was not compared with the one before it"
    print(f"It is number {document['sequence']} of its chain, and {follows}.")
    known = "is the one given" if given.key else "must be the published one: compare it, or give --key"
    print(f"The key that signed it {known}. SHA-256 of the key:\n{checked.fingerprint}")
    return 0


def _published(name: str) -> bytes:
    """A public key in PEM, or in the answer of `GET /certificates/key`."""
    content = _file(name)
    if not content.lstrip().startswith(b"{"):
        return content
    try:
        return str(json.loads(content)["public_key"]).encode()
    except (ValueError, KeyError, RecursionError):
        raise certificates.CertificateError(f"{name} holds no public key") from None


def _file(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise certificates.CertificateError(f"cannot read {name}: {error.strerror}") from None


def _endpoints(engine: Engine) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(engine.folder.joinpath("endpoints.json").read_text())
    except (OSError, ValueError):
        known = {}
    if not known or not engine.running():
        raise EngineError("the local engine does not run: `make local` starts it")
    return known


def _region(given: argparse.Namespace) -> str:
    where = deployment.places()
    return where.regions[given.region or where.home]


def _print(answer: functions.Answer) -> int:
    print(json.dumps(answer.payload, indent=2, ensure_ascii=False))
    return 1 if answer.failed else 0
