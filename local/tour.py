"""The tour: drives the running system through HTTP with real input and shows what a person would want to see.

It stops with a message and exit code 1 at the first thing that differs from what the policy promises.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local import certificates, functions, leftovers, outbox, travel
from local.control_panel import ControlPanel, UnexpectedAnswerError
from local.datasets import DatasetError, Datasets, fetch
from local.engine import Engine, EngineError

PASSWORD = "a long and memorable password"  # noqa: S105  # the tour's own customer
_BATCH_BYTES = 3_500_000
_MAIL_SECONDS = 60


class DifferenceError(Exception):
    """Something is not as promised."""


@dataclass
class Content:
    """What the tour puts into a database, to compare with what it gets back."""

    records: dict[str, dict[str, str]]
    files: dict[str, bytes]


def main(known: Mapping[str, Any], engine: Engine) -> int:
    """Take the tour; 0 when everything is as promised."""
    started = time.monotonic()
    try:
        _tour(known, engine)
    except (DifferenceError, UnexpectedAnswerError, DatasetError, EngineError) as error:
        print(f"\nNOT AS PROMISED: {error}")
        return 1
    print(f"\nEverything is as promised ({time.monotonic() - started:.0f} s).")
    return 0


def _tour(known: Mapping[str, Any], engine: Engine) -> None:
    data = fetch(engine.folder / "datasets")
    panel = ControlPanel(known["api"][known["home"]])
    run = uuid.uuid4().hex[:10]
    address, canary = f"ada.{run}@example.com", f"canary-{run}"

    _say(1, "A visit is recorded as a summary, and the answer holds nothing")
    visit = {"referrer": f"https://search.example/find?q={canary}#top", "language": "en-GB"}
    panel.call(
        "POST", "/visits", visit, expect=202, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    )

    _say(2, "A sign-up with a card number in it is refused, whatever it hides behind")
    form = {
        "kind": "trial",
        "name": f"Ada {canary}",
        "email": address,
        "password": PASSWORD,
        "marketing_consent": False,
        "captcha_token": "tour",
    }
    refused = panel.call("POST", "/signups", form | {"company": "4111-1111 1111.1111 Ltd"}, expect=422).json()
    _show(f"422 {refused['detail']}: {', '.join(error['field'] for error in refused['errors'])}")

    _say(3, "A sign-up waits, sealed, for its confirmation link")
    taken = panel.call("POST", "/signups", form, expect=202).json()
    _show(f"202 reference {taken['reference']}, waits until {taken['expires_at']}")
    _absent(known, engine, [address.encode(), PASSWORD.encode()], "before confirmation nothing readable is stored")

    _say(4, "The link is in the outbox; confirming opens an account, a session and a trial database")
    token = _token(known["outbox"], address)
    made = panel.call(
        "POST", "/signups/confirmation", {"token": token}, expect=201, headers={"CloudFront-Viewer-Country": "SG"}
    ).json()
    again = panel.call("POST", "/signups/confirmation", {"token": token}, expect=200).json()
    _same(again, made, "a repeated confirmation")
    first = made["database"]["id"]
    _show(f"account {made['account_id']}, database {first} in {made['database']['region']}")
    session = panel.call("GET", "/sessions/current", expect=200).json()
    _show(f"session until {session['expires_at']}")

    before = {place.mark for place in _everything(known, engine)}
    _say(5, "The database is filled: movies and airports as records, pictures and a large file as files")
    content = _fill(panel, first, data, canary)
    counted = panel.call("GET", f"/databases/{first}", expect=200).json()
    _show(f"{counted['record_count']} records and {counted['file_count']} files, {counted['bytes']:,} bytes")
    _same(counted["record_count"], sum(map(len, content.records.values())), "the record count")
    _same(counted["file_count"], len(content.files), "the file count")

    _say(6, "A complete export: one ZIP, checked by readers that are not ours")
    export, archive = _export(panel, first, engine.folder)
    _check_archive(archive, content)

    _say(7, "Importing it into a second, empty database gives the same content")
    second = panel.call("POST", "/databases", {"name": f"Copy {canary}", "country": "US"}, expect=201).json()
    _show(f"second database {second['id']} in {second['region']}")
    job = panel.call("POST", f"/databases/{second['id']}/import", {"export_id": export}, expect=202).json()
    panel.follow(f"/databases/{second['id']}/jobs/{job['job_id']}", lambda state: state["status"] == "done", _progress)
    _, copy = _export(panel, second["id"], engine.folder)
    _check_archive(copy, content)
    _same(_members(copy), _members(archive), "the second database's export")
    moved = _read_back(panel, second["id"], "movie")

    _say(8, "Cancelling closes it for its grace period; reactivating brings everything back")
    cancelled = panel.call("POST", f"/databases/{first}/cancellation", expect=200).json()
    _show(f"{cancelled['status']}, purged at {cancelled['purge_at']}")
    panel.call("GET", f"/databases/{first}/models", expect=409)
    panel.call("POST", f"/databases/{first}/cancellation", expect=409)
    panel.call("DELETE", f"/databases/{first}/cancellation", expect=200)
    _same(_read_back(panel, first, "movie"), content.records["movie"], "the records after reactivation")

    _say(9, "It is backed up in both regions; a restore brings back what was lost, and nothing that was deleted since")
    _restore(known, engine, panel, first, content.records["movie"])

    _say(10, "The second database moves to Singapore, and nothing of it stays in the United States")
    _move(known, engine, panel, second["id"])
    _same(_read_back(panel, second["id"], "movie"), moved, "the records after the move")

    for number, database in ((11, first), (12, second["id"])):
        _say(number, "Deleting destroys it, in both regions, and can be followed; the certificate says what went")
        name = panel.call("GET", f"/databases/{database}", expect=200).json()["name"]
        panel.call("POST", f"/databases/{database}/deletion", {"confirm": "something else"}, expect=422)
        panel.call("POST", f"/databases/{database}/deletion", {"confirm": name}, expect=202)
        panel.call("GET", f"/databases/{database}/models", expect=(409, 410))
        gone = panel.follow(f"/databases/{database}/deletion", lambda state: state["status"] == "destroyed", _progress)
        for store in gone["stores"]:
            _show(f"{store['region']:9} {store['store']:10} removed {store['removed']} of {store['total']}")
            _same(store["removed"], store["total"], f"what was removed of {store['store']}")
        panel.call("GET", f"/databases/{database}/models", expect=410)
        panel.call("PUT", f"/databases/{database}/records/movie/late", {"late": True}, expect=410)
        _same(panel.call("GET", f"/databases/{database}", expect=200).json()["name"], None, "the name of a tombstone")
        _certificate(panel, database, gone["stores"])

    _say(13, "Nothing is left: every table, bucket, version, marker, upload, queue and log of both regions")
    traces = [canary.encode(), b"The Land Girls", b"Bay Springs", data.pictures()[0].read_bytes()[:200]]
    _nothing_left(known, engine, before, traces, [first, second["id"]])

    _say(14, "Signing out makes the cookie worth nothing")
    cookie = panel.cookie
    panel.call("DELETE", "/sessions/current", expect=204)
    panel.cookie = cookie
    panel.call("GET", "/sessions/current", expect=401)
    panel.call("POST", "/sessions", {"email": address, "password": "not the password"}, expect=401)
    panel.call("POST", "/sessions", {"email": address.upper(), "password": PASSWORD}, expect=201)
    _show("signed out, refused with the old cookie and a wrong password, signed in again")


def _token(address_of_outbox: str, address: str) -> str:
    until = time.monotonic() + _MAIL_SECONDS
    while time.monotonic() < until:
        for mail in reversed(outbox.read(address_of_outbox)):
            link = re.search(r"/confirm#token=(\S+)", mail.text)
            if address in mail.to and link:
                return link.group(1)
        time.sleep(0.3)
    raise DifferenceError("no confirmation mail arrived")


def _fill(panel: ControlPanel, database: str, data: Datasets, canary: str) -> Content:
    films = {f"film-{number:04d}": film for number, film in enumerate(data.movies(), 1)}
    fields = {airport["iata"]: airport for airport in data.airports()}
    films[f"own.{canary}@example.com"] = {"note": f"My own note, {canary} – ünïcode ✓", "amount": 1}
    records = {"movie": films, "airport": fields}
    content = Content({}, {})
    for model, rows in records.items():
        content.records[model] = {key: json.dumps(row, ensure_ascii=False) for key, row in rows.items()}
        started = time.monotonic()
        for batch in _batches(content.records[model]):
            answer = panel.call(
                "POST", f"/databases/{database}/records/{model}", batch, expect=200, content_type="application/x-ndjson"
            ).json()
            _same(answer["rejected"], [], "the lines rejected")
        _show(f"{len(rows)} {model} records in {time.monotonic() - started:.1f} s")
    for picture in data.pictures():
        content.files[f"pictures/{picture.name}"] = picture.read_bytes()
    content.files[f"notes/{canary} – übersicht #1.txt"] = canary.encode()
    for path, body in content.files.items():
        kind = "image/png" if path.endswith(".png") else "text/plain"
        panel.call("PUT", _file(database, path), body, expect=(200, 201), content_type=kind)
    content.files["archive/vega-datasets.tgz"] = data.archive.read_bytes()
    _upload(panel, database, "archive/vega-datasets.tgz", content.files["archive/vega-datasets.tgz"])
    for path, body in content.files.items():
        answer = panel.call("GET", _file(database, path), expect=(200, 302))
        back = panel.fetch(answer.headers["Location"]) if answer.status == 302 else answer.content
        _same(hashlib.sha256(back).hexdigest(), hashlib.sha256(body).hexdigest(), "a file's bytes")
    _show(f"{len(content.files)} files, {sum(map(len, content.files.values())):,} bytes, read back byte for byte")
    return content


def _upload(panel: ControlPanel, database: str, path: str, body: bytes) -> None:
    wanted = {"database_id": database, "bytes": len(body), "content_type": "application/gzip"}
    upload = panel.call("POST", "/uploads", wanted, expect=(200, 201)).json()
    size = upload["part_size"]
    parts = [
        {"number": part["number"], "etag": panel.put_part(part["url"], body[(part["number"] - 1) * size :][:size])}
        for part in upload["parts"]
    ]
    panel.call("POST", f"/uploads/{upload['upload_id']}/completion", {"parts": parts}, expect=200)
    job = panel.call("PUT", f"{_file(database, path)}&upload_id={upload['upload_id']}", expect=202).json()
    panel.follow(f"/databases/{database}/jobs/{job['job_id']}", lambda state: state["status"] == "done", _progress)


def _export(panel: ControlPanel, database: str, folder: Path) -> tuple[str, Path]:
    export = panel.call("POST", f"/databases/{database}/exports", expect=202).json()["export_id"]
    ready = panel.follow(f"/databases/{database}/exports/{export}", lambda state: state["status"] == "ready", _progress)
    content = panel.fetch(ready["url"])
    _same(len(content), ready["bytes"], "the export's size")
    _same(hashlib.sha256(content).hexdigest(), ready["sha256"], "the export's SHA-256")
    archive = folder / f"{database}.zip"
    archive.write_bytes(content)
    _show(f"{len(content):,} bytes, SHA-256 as announced, link until {ready['url_expires_at']}")
    return export, archive


def _restore(
    known: Mapping[str, Any], engine: Engine, panel: ControlPanel, database: str, movies: dict[str, str]
) -> None:
    """A backup, a deletion and a change after it, and the restore that undoes the change alone."""
    home = known["regions"][known["home"]]
    tick = functions.scheduled_event(home, travel.now(engine.folder))
    functions.invoke(engine, home, "database_expiry", tick)
    route = f"/databases/{database}/backups"
    (backup,) = panel.follow(route, lambda state: bool(state["items"]), lambda state: None)["items"]
    for copy in backup["copies"]:
        _show(f"{copy['region']:9} {backup['bytes']:,} bytes, sealed, read back at {copy['verified_at']}")
    _same({copy["region"] for copy in backup["copies"]}, set(known["regions"]), "the regions of the copies")
    movie = f"/databases/{database}/records/movie"
    panel.call("DELETE", f"{movie}/film-0001", expect=204)
    panel.call("PUT", f"{movie}/film-0002", {"Title": "overwritten by mistake"}, expect=200)
    asked = {"database_id": database, "backup_id": backup["backup_id"], "overwrite": True}
    job = functions.invoke(engine, home, "database_restore", asked).payload
    panel.follow(f"/databases/{database}/jobs/{job['job_id']}", lambda state: state["status"] == "done", _progress)
    del movies["film-0001"]
    _same(_read_back(panel, database, "movie"), movies, "the records after the restore")
    panel.call("GET", f"{movie}/film-0001", expect=404)
    _show("what was overwritten is back; what was deleted stays deleted")


def _move(known: Mapping[str, Any], engine: Engine, panel: ControlPanel, database: str) -> None:
    """To the other region, and a look at where it was."""
    job = panel.call("POST", f"/databases/{database}/region", {"region": "asia"}, expect=202).json()["job_id"]
    panel.follow(f"/databases/{database}/jobs/{job}", lambda state: state["status"] == "done", _progress)
    _same(panel.call("GET", f"/databases/{database}", expect=200).json()["region"], "asia", "the region")
    content = (f"{known['regions']['americas']} table perfectwork-content", f"-{known['regions']['americas']} object ")
    places = [place for place in _everything(known, engine) if any(name in place.where for name in content)]
    left = leftovers.found((place for place in places if "-backup-" not in place.where), [database.encode()])
    _same(left, [], "what is left in the old region")
    _show("moved; its old region holds nothing of it but its backup")


def _certificate(panel: ControlPanel, database: str, stores: Sequence[Mapping[str, Any]]) -> None:
    """The certificate, checked offline."""
    answer = panel.call("GET", f"/databases/{database}/certificate", expect=200)
    published = panel.call("GET", "/certificates/key", expect=200).json()
    document = certificates.check(answer.content, key=published["public_key"].encode()).document
    removed = {(store["store"], store["region"]): store["removed"] for store in document["stores"]}
    _same(
        removed, {(store["store"], store["region"]): store["removed"] for store in stores}, "what the certificate says"
    )
    _show(f"certificate {document['id']}, number {document['sequence']}: genuine, each store found empty twice")
    _show(f"out of reach: {', '.join(sorted({row['what'].split(':')[0] for row in document['unreachable']}))}")


def _check_archive(archive: Path, content: Content) -> None:
    if shutil.which("unzip"):
        tested = subprocess.run(["unzip", "-tqq", str(archive)], capture_output=True, check=False)  # noqa: S607  # from PATH
        _same(tested.returncode, 0, "the exit code of unzip -t")
    with zipfile.ZipFile(archive) as packed:
        _same(packed.testzip(), None, "Python's own test of the ZIP")
        manifest = json.loads(packed.read("manifest.json"))
        listed = {member["path"]: member for member in manifest["members"]}
        _same(set(listed), set(packed.namelist()) - {"manifest.json"}, "the manifest's list of members")
        for path, member in listed.items():
            body = packed.read(path)
            _same(
                (len(body), hashlib.sha256(body).hexdigest()), (member["bytes"], member["sha256"]), "a member's digest"
            )
        records: dict[str, dict[str, str]] = {}
        for path in listed:
            if path.startswith("records/"):
                model = path.removeprefix("records/").split(".", 1)[0]
                for line in io.TextIOWrapper(packed.open(path), "utf-8"):
                    row = json.loads(line)
                    records.setdefault(model, {})[row["key"]] = row["data"]
        wanted = {model: {key: json.loads(row) for key, row in rows.items()} for model, rows in content.records.items()}
        _same(records, wanted, "the exported records")
        files = {path.removeprefix("files/"): packed.read(path) for path in listed if path.startswith("files/")}
        _same(files, content.files, "the exported files")
    _show(f"{len(listed)} members as the manifest says; records and files as they were put in")


def _members(archive: Path) -> dict[str, str]:
    """The digests of an archive's content, the lines of each model sorted: their order is the database's own."""
    with zipfile.ZipFile(archive) as packed:
        return {
            path: hashlib.sha256(b"".join(sorted(packed.read(path).splitlines(keepends=True)))).hexdigest()
            for path in packed.namelist()
            if path.startswith(("records/", "files/"))
        }


def _read_back(panel: ControlPanel, database: str, model: str) -> dict[str, str]:
    found: dict[str, str] = {}
    cursor = ""
    while True:
        page = panel.call("GET", f"/databases/{database}/records/{model}?limit=1000{cursor}", expect=200).json()
        found |= {row["key"]: json.dumps(row["data"], ensure_ascii=False) for row in page["items"]}
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={quote(page['next_cursor'])}"


def _everything(known: Mapping[str, Any], engine: Engine) -> list[leftovers.Place]:
    return list(leftovers.everything(engine.client, list(known["regions"].values())))


def _absent(known: Mapping[str, Any], engine: Engine, needles: Sequence[bytes], what: str) -> None:
    places = _everything(known, engine)
    left = leftovers.found(iter(places), needles)
    if left:
        raise DifferenceError(f"{what}, but: {'; '.join(sorted(set(left))[:5])}")
    _show(f"{len(places)} items, versions, markers, uploads, messages and log lines read: {what}")


def _nothing_left(
    known: Mapping[str, Any], engine: Engine, before: set[bytes], traces: Sequence[bytes], databases: Sequence[str]
) -> None:
    """What the engine holds now and did not hold before the databases were filled: no content, and their ids only in
    tombstones and the ledger.
    """
    places = _everything(known, engine)
    new = [place for place in places if place.mark not in before]
    _show(f"{len(places)} items, versions, markers, uploads, messages and log lines read; new or changed since step 4:")
    for store, number in sorted(Counter(place.store for place in new).items()):
        _show(f"  {number:5}  {store}")
    # The name that was signed up with is in the account, where it belongs.
    left = leftovers.found((place for place in new if "-accounts" not in place.where), traces)
    if left:
        raise DifferenceError(f"content is left: {'; '.join(sorted(set(left))[:5])}")
    ids = [database.encode() for database in databases]
    named = sorted({place.store for place in places if leftovers.found(iter([place]), ids)})
    _show(f"the databases' ids are in: {', '.join(named)}")
    tombstones = ("databases", "removals", "keys", "signups", "idempotency")
    stray = [
        store for store in named if " log " not in store and not store.endswith(tuple(f"-{t}" for t in tombstones))
    ]
    if stray or any(place.where.startswith("bucket") for place in new):
        raise DifferenceError(f"beside tombstones and the ledger, something is left in {stray or 'a bucket'}")


def _batches(rows: Mapping[str, str]) -> list[bytes]:
    batches: list[bytes] = []
    lines: list[bytes] = []
    size = 0
    for key, row in rows.items():
        line = f'{{"key": {json.dumps(key)}, "data": {row}}}\n'.encode()
        if size + len(line) > _BATCH_BYTES:
            batches.append(b"".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    return [*batches, b"".join(lines)]


def _file(database: str, path: str) -> str:
    return f"/databases/{database}/files/content?path={quote(path, safe='')}"


def _same(got: Any, wanted: Any, what: str) -> None:
    if got != wanted:
        raise DifferenceError(f"{what} is {str(got)[:200]}, not {str(wanted)[:200]}")


def _progress(state: Mapping[str, Any]) -> None:
    progress = f" {state['progress']} %" if state.get("progress") is not None else ""
    removed = sum(store["removed"] for store in state.get("stores", []))
    _show(f"… {state['status']}{progress}{f' {removed} removed' if removed else ''}")


def _say(number: int, what: str) -> None:
    print(f"\n{number}. {what}", flush=True)


def _show(what: str) -> None:
    print(f"   {what}", flush=True)
