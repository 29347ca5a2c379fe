"""Registries: a key in a menu, a form, the command line and the contract tests is one decorated class."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from latentlab.core.errors import ConfigError

T = TypeVar("T")
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Registry(Generic[T]):
    """Named entries in the order they were registered. Keys are kebab-case and never given twice."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, T] = {}

    def register(self, key: str) -> Callable[[T], T]:
        """Decorator that files its class under `key` (also set as its attribute ``key``).

        Raises ValueError where the key is taken or not kebab-case: a programming error, found at import.
        """
        if not _KEY.fullmatch(key):
            raise ValueError(f"{self.what} key {key!r} is not kebab-case")
        if key in self._entries:
            raise ValueError(f"{self.what} key {key!r} is taken by {self._entries[key]!r}")

        def add(entry: T) -> T:
            self._entries[key] = entry
            entry.key = key  # type: ignore[attr-defined]
            return entry

        return add

    def get(self, key: str) -> T:
        """The entry under `key`; ConfigError names the nearest keys where there is none."""
        if key in self._entries:
            return self._entries[key]
        near = difflib.get_close_matches(key, self._entries, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(f"Unknown {self.what} '{key}': {hint}Expected one of {', '.join(self._entries)}.")

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def items(self) -> Iterator[tuple[str, T]]:
        return iter(self._entries.items())
