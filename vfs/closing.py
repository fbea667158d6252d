"""What has a `close` as a context: closed when the block ends, however it ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Mixed into classes that own a descriptor or another open thing."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Let go; idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
