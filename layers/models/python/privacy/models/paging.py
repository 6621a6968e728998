"""The place in a list from which its next page goes on."""


class CursorError(ValueError):
    """The cursor is none of this list's."""
