"""A large file's way to its place: the upload is there, is looked at, and becomes the file by a copy inside S3."""

from database_import.target import GONE, SOURCE_GONE, Target
from privacy.archive.errors import ArchiveChangedError
from privacy.archive.ranges import object_sha256
from privacy.hosting.files import Files
from privacy.models.databases import Status
from privacy.vault.keys import KeyDestroyedError
from privacy.work import JobFailedError

ANOTHER_SIZE = "the upload has not as many bytes as were announced"

_PLACED = "placed"
"""In the job's detail: the file is in its place, and only the upload is left to be removed."""

_NEARLY = 99
"""Percent, once the file is in its place."""


class Placing:
    """One worker's turn at one file."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.turn = target.turn

    def work(self) -> None:
        """Put the file in its place and end the job. Raises: JobFailedError, and what `Turn.run` knows."""
        try:
            if _PLACED not in self.turn.job.detail:
                self._place()
                self.turn.keep(_NEARLY, self.turn.job.detail | {_PLACED: True})
            self.tidy()
            # Cancelled in the meantime or not: the file is in its place, and comes back with the database.
            self.target.end(Status.ACTIVE, Status.DEACTIVATED, Status.MOVING)
        except KeyDestroyedError:
            raise JobFailedError(GONE) from None
        except ArchiveChangedError:
            self.target.database()
            raise JobFailedError(SOURCE_GONE) from None

    def tidy(self) -> None:
        """Remove the upload."""
        self.target.remove_source()

    def _place(self) -> None:
        database, job, source = self.target.database(), self.turn.job, self.target.source
        host = self.target.host()
        files = Files(host, database.id)
        path, content_type = files.name(job.id, job.detail["sealed"])
        upload = self.target.opened()
        if upload.bytes != source.bytes:
            raise JobFailedError(ANOTHER_SIZE)
        digest = object_sha256(upload, self.turn.look_at_time)
        self.target.database()
        bucket = self.target.parts.host(source.region).transfer_bucket
        place = {"Bucket": bucket, "Key": source.key}
        files.adopt(path, content_type, place, source.bytes, digest, self.target.parts.clock())
