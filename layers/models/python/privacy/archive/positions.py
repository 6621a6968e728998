"""A read-only, seekable file over something that can be read from any position."""

import io
import os
from abc import abstractmethod
from typing import Any


class PositionedReader(io.RawIOBase):
    """Keeps the position; `bytes` is the size, and who derives gives the bytes from a position on."""

    bytes: int

    def __init__(self) -> None:
        super().__init__()
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.bytes}[whence]
        if origin + offset < 0:
            raise OSError("A position before the start of the file.")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), max(0, self.bytes - self._position))
        done = 0
        while done < wanted:
            piece = self._at(self._position)[: wanted - done]
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    @abstractmethod
    def _at(self, position: int) -> memoryview:
        """Some bytes from a position below the end on, one at least."""
