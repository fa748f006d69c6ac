"""A slot for one thing between two threads: the newest, or the next."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The other side has finished, and nothing is left to take."""


class Mailbox(Generic[T]):
    """Hand things from one thread to another without ever building a queue.

    latest=True   room for one: putting replaces what was not taken (counted in `dropped`)
    latest=False  room for `capacity`: putting waits until there is room
    """

    def __init__(self, *, latest: bool, capacity: int = 1) -> None:
        self._latest = latest
        self._capacity = 1 if latest else capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._failure: BaseException | None = None
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Leave `item`; return False if nobody will take it because the box was closed."""
        with self._changed:
            while not self._latest and len(self._items) >= self._capacity and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            if self._latest and self._items:
                self._items.clear()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> T | None:
        """Return the next thing, or None after `timeout_s`.

        Raises what the other side failed with, and Closed when it has simply finished.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout_s)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            self._raise_failure()
            if self._closed:
                raise Closed
            return None

    def check(self) -> None:
        """Raise what the other side failed with, if it has failed, also while things are left."""
        with self._changed:
            self._raise_failure()

    def clear(self) -> int:
        """Throw away what nobody has taken, and return how much; who waits to put has room now."""
        with self._changed:
            count = len(self._items)
            self._items.clear()
            self._changed.notify_all()
            return count

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take right now."""
        with self._changed:
            return not self._items

    @property
    def is_closed(self) -> bool:
        """Whether the giving side has ended; the last thing may still be there."""
        with self._changed:
            return self._closed

    @property
    def is_finished(self) -> bool:
        """Whether the giving side has ended and nothing is left."""
        with self._changed:
            return self._closed and not self._items

    def close(self, failure: BaseException | None = None) -> None:
        """Say that nothing more will come, or that the giving side failed."""
        with self._changed:
            self._closed = True
            self._failure = self._failure or failure
            self._changed.notify_all()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
