"""What can be wrong with an archive, in words that hold neither content nor the name of a member."""


class ArchiveError(Exception):
    """An archive cannot be written or read; the text is fit to be shown to its owner."""


class NotAZipError(ArchiveError):
    """The bytes are no ZIP, or its directory is damaged."""


class ManifestError(ArchiveError):
    """The manifest is missing, malformed, of an unknown format, or does not list what the ZIP holds."""


class UnsafePathError(ArchiveError):
    """A path is absolute, climbs out of its folder, or cannot be written by every system."""


class DuplicateMemberError(ArchiveError):
    """Two members would have the same path."""


class UnsupportedMemberError(ArchiveError):
    """A member is encrypted, or compressed in another way than store and deflate."""


class OverlappingMembersError(ArchiveError):
    """Two members share bytes: the mark of a decompression bomb."""


class ArchiveTooLargeError(ArchiveError):
    """A bound on the number of members, on sizes or on the length of a line is passed."""


class CorruptMemberError(ArchiveError):
    """A member's bytes are not those that the manifest declares."""


class ArchiveChangedError(ArchiveError):
    """The stored object was replaced or removed while it was read."""


class ArchiveStateError(ArchiveError):
    """The archive is asked for something that its state does not allow, such as a checkpoint inside a member."""


class UploadLostError(ArchiveError):
    """The multipart upload that was to be resumed is gone, or another worker has written to it."""
