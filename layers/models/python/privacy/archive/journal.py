"""Where an unfinished archive's state waits for the next worker: one object, since it outgrows a DynamoDB item."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

from privacy.archive.store import ObjectStore, error_code


def save(
    s3: ObjectStore,
    bucket: str,
    key: str,
    state: Mapping[str, Any],
    encryption: Mapping[str, str] | None = None,
) -> None:
    """Store the state as gzipped JSON under `key`, in place of the one before."""
    stored_as = {"ContentType": "application/gzip", **(encryption or {})}
    s3.put_object(Bucket=bucket, Key=key, Body=packed(state), **stored_as)


def load(s3: ObjectStore, bucket: str, key: str) -> dict[str, Any] | None:
    """Return the state saved last, None when there is none: the archive then begins anew."""
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except Exception as error:
        if error_code(error) == "NoSuchKey":
            return None
        raise
    return unpacked(body)


def packed(state: Mapping[str, Any]) -> bytes:
    """The state as gzipped JSON."""
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
    return gzip.compress(text, 1, mtime=0)


def unpacked(body: bytes) -> dict[str, Any]:
    """The state that was packed."""
    state: dict[str, Any] = json.loads(gzip.decompress(body))
    return state


def clear(s3: ObjectStore, bucket: str, prefix: str) -> int:
    """Remove every object below a prefix (the state, and tails of crashed workers) and return how many there were.

    Raises:
        RuntimeError: the store refused to remove some of them.
    """
    removed = 0
    more: dict[str, str] = {}
    while True:
        page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if keys:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            if answer.get("Errors"):
                raise RuntimeError(f"{len(answer['Errors'])} objects of an unfinished archive were not removed.")
            removed += len(keys)
        if not page.get("IsTruncated"):
            return removed
        more = {"ContinuationToken": page["NextContinuationToken"]}
