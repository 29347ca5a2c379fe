"""Pause, single steps and stop, from any thread."""

from __future__ import annotations

import threading


class Control:
    """What a person wants of the loop, checked by it before each step."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._single_steps = 0
        self._stopped = False

    def pause(self) -> None:
        """Wait before the next step."""
        with self._changed:
            self._paused, self._single_steps = True, 0

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def step_once(self) -> None:
        """Do one step, then wait."""
        with self._changed:
            self._paused = True
            self._single_steps += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the present step, also out of a pause. Cannot be taken back."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped

    @property
    def paused(self) -> bool:
        return self._paused

    def must_wait(self) -> bool:
        """Whether `wait` would block now."""
        with self._changed:
            return self._paused and not self._single_steps and not self._stopped

    def wait(self) -> bool:
        """Block while paused; True where a step is due, False where the loop must end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._paused or self._single_steps > 0)
            if self._stopped:
                return False
            self._single_steps = max(0, self._single_steps - 1)
            return True
