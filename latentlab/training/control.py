"""Pause, single steps and stop, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any


class Control:
    """What a person wants of the loop, checked by it before each step.

    `waits`: whether somebody is there to decide what happens after a failure of training (NaN, no memory):
    the loop then pauses; otherwise it ends.
    """

    def __init__(self, waits: bool = False) -> None:
        self.waits = waits
        self._changes: dict[str, Any] = {}
        self._changed = threading.Condition()
        self._paused = False
        self._single_steps = 0
        self._stopped = False
        self._holds: bool | None = None  # what `must_wait` said, until `wait` has kept to it

    def pause(self) -> None:
        """Wait before the next step."""
        with self._changed:
            self._paused, self._single_steps = True, 0

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._let_go()

    def step_once(self) -> None:
        """Do one step, then wait."""
        with self._changed:
            self._paused = True
            self._single_steps += 1
            self._let_go()

    def stop(self) -> None:
        """End after the present step, also out of a pause. Cannot be taken back."""
        with self._changed:
            self._stopped = True
            self._let_go()

    def steer(self, changes: Mapping[str, Any]) -> None:
        """Change live settings at the next step: "training.learning_rate" -> its new, validated value."""
        with self._changed:
            self._changes |= changes

    def take_changes(self) -> dict[str, Any]:
        """What `steer` was told since this was asked last; for the loop."""
        with self._changed:
            changes, self._changes = self._changes, {}
            return changes

    @property
    def stopped(self) -> bool:
        return self._stopped

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def has_news(self) -> bool:
        """Whether anything is asked for; where not, a step is due, and settings are as they were.

        It takes no lock, because it is asked before every step: what comes a moment later counts from the
        next one on.
        """
        return self._paused or self._single_steps > 0 or self._stopped or bool(self._changes)

    def must_wait(self) -> bool:
        """Whether `wait` is about to block.

        `wait` keeps to the answer, so that every pause is announced: one that comes after a False holds
        before the next step, and one that follows a resume at once lets a step pass in between.
        """
        with self._changed:
            self._holds = self._is_held()
            return self._holds

    def wait(self) -> bool:
        """Block while paused; True where a step is due, False where the loop must end."""
        with self._changed:
            if self._holds is None:
                self._holds = self._is_held()
            self._changed.wait_for(lambda: not self._holds)
            self._holds = None
            if self._stopped:
                return False
            self._single_steps = max(0, self._single_steps - 1)
            return True

    def _is_held(self) -> bool:
        return self._paused and not self._single_steps and not self._stopped

    def _let_go(self) -> None:
        if self._holds:
            self._holds = False
        self._changed.notify_all()
