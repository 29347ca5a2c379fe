"""What a server sends over HTTP, received by a thread, so that whoever waits for it can give up."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from latentlab.data.parallel import PATIENCE

#: Seconds to wait for a server to be reached, and for it to say something.
CONNECT_S, SILENCE_S = 10, 20
_BLOCK = 2**16


class Failed(Exception):  # noqa: N818 - as a clause: "ossci-datasets.s3.amazonaws.com: it answers 404"
    """A mirror did not give a file; the text is a clause that says why."""


class BrokeOff(Failed):
    """What came so far is good: asking for the rest may help."""


@dataclass(frozen=True)
class Head:
    """How an answer begins: status, Content-Length and Content-Range."""

    status: int
    length: str
    range: str


class Answer:
    """What a server sends, from a byte on, received by a thread: who waits for it can look up.

    The bytes are those of the wire: a server that calls a .gz file "gzip-encoded" does not get it unpacked.
    """

    def __init__(self, url: str, start: int, look: Callable[[], None]) -> None:
        self._look = look
        self._came: queue.Queue[Head | bytes | Exception | None] = queue.Queue(8)
        self._closed = threading.Event()
        self._response: Any = None
        threading.Thread(
            target=self._receive, args=(url, start), name="latentlab-download", daemon=True
        ).start()

    def head(self) -> Head:
        head = self._next()
        assert isinstance(head, Head)
        return head

    def blocks(self) -> Iterator[bytes]:
        while (block := self._next()) is not None:
            assert isinstance(block, bytes)
            yield block

    def close(self) -> None:
        """The thread ends by itself: at once where it waits for more of an answer, else in `SILENCE_S`."""
        self._closed.set()
        # An urllib3 before 2.3 has no shutdown; what is over cannot be shut down.
        with contextlib.suppress(AttributeError, ValueError, RuntimeError, OSError):
            self._response.raw.shutdown()

    def _next(self) -> Head | bytes | None:
        while True:
            try:
                item = self._came.get(timeout=PATIENCE)
            except queue.Empty:
                self._look()
                continue
            if isinstance(item, Exception):
                raise _told(item)
            return item

    def _receive(self, url: str, start: int) -> None:
        import requests

        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_S, SILENCE_S)) as response:
                self._response = response
                told = response.headers
                head = Head(
                    response.status_code, told.get("Content-Length", ""), told.get("Content-Range", "")
                )
                if self._put(head):
                    for block in response.raw.stream(_BLOCK, decode_content=False):
                        if not self._put(block):
                            return
                self._put(None)
        except Exception as error:  # whatever it is, it must not be lost in this thread
            self._put(error)

    def _put(self, item: Head | bytes | Exception | None) -> bool:
        """False where nobody waits for it any more."""
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._came.put(item, timeout=PATIENCE)
                return True
        return False


def _told(error: Exception) -> Exception:
    """The network's errors in words; others are as they were."""
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.SSLError):
        return BrokeOff("its certificate is not trusted")
    if isinstance(error, requests.exceptions.ProxyError):
        return BrokeOff("the proxy does not let it through")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return BrokeOff("it does not answer")
    if isinstance(error, requests.ConnectionError) and not isinstance(
        error.args[0] if error.args else None, urllib3.exceptions.ProtocolError
    ):
        return BrokeOff("it cannot be reached")
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | OSError):
        return BrokeOff("the connection broke off")
    return error
