"""The part of an S3 client that this room uses; the client itself is always passed in."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol


class ObjectStore(Protocol):
    """A boto3 S3 client, or a fake with the same calls."""

    # Properties of a callable type, because boto3's own types name every keyword and would not fit `**kwargs`.
    @property
    def put_object(self) -> Callable[..., Any]: ...
    @property
    def get_object(self) -> Callable[..., Any]: ...
    @property
    def head_object(self) -> Callable[..., Any]: ...
    @property
    def delete_object(self) -> Callable[..., Any]: ...
    @property
    def delete_objects(self) -> Callable[..., Any]: ...
    @property
    def list_objects_v2(self) -> Callable[..., Any]: ...
    @property
    def create_multipart_upload(self) -> Callable[..., Any]: ...
    @property
    def upload_part(self) -> Callable[..., Any]: ...
    @property
    def complete_multipart_upload(self) -> Callable[..., Any]: ...
    @property
    def abort_multipart_upload(self) -> Callable[..., Any]: ...
    @property
    def list_multipart_uploads(self) -> Callable[..., Any]: ...


def error_code(error: BaseException) -> str | None:
    """Return the service's code of a boto3 `ClientError`, None for any other exception."""
    response = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        return None
    code = response.get("Error", {}).get("Code")
    return None if code is None else str(code)
