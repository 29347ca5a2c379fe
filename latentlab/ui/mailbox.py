"""A mailbox with one place per channel: the newest request wins, so dragging never queues."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any


class Mailbox:
    """Handed from the window's thread to one worker. Channels are served in the order they were named."""

    def __init__(self, channels: Sequence[str]) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, Any] = dict.fromkeys(channels)
        self._closed = False

    def put(self, channel: str, item: Any) -> None:
        """Leave `item` (not None), replacing what nobody took yet."""
        with self._changed:
            self._waiting[channel] = item
            self._changed.notify()

    def take(self) -> tuple[str, Any] | None:
        """Wait for the first channel that holds something, and empty it; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(i is not None for i in self._waiting.values()))
            if self._closed:
                return None
            channel = next(c for c, item in self._waiting.items() if item is not None)
            item, self._waiting[channel] = self._waiting[channel], None
            return channel, item

    def drop(self, channel: str) -> None:
        """Forget what waits in a channel."""
        with self._changed:
            self._waiting[channel] = None

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
