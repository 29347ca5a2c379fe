"""Pause, single steps and stop, from other threads."""

from __future__ import annotations

import threading
import time

from latentlab.training.control import Control

SOON = 5.0  # seconds: far more than a thread needs, so that only a deadlock reaches it


class Worker:
    """Counts the steps that a control allows, in a thread."""

    def __init__(self, control: Control) -> None:
        self.control, self.steps = control, 0
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        while self.control.wait():
            self.steps += 1
            time.sleep(0.001)

    def reaches(self, steps: int) -> bool:
        deadline = time.monotonic() + SOON
        while self.steps < steps and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.steps >= steps

    def ends(self) -> bool:
        self.thread.join(SOON)
        return not self.thread.is_alive()


def test_a_control_lets_steps_pass_until_it_is_stopped():
    worker = Worker(Control())
    assert worker.reaches(5)
    worker.control.stop()
    assert worker.ends() and worker.control.stopped


def test_a_pause_holds_single_steps_pass_and_resume_goes_on():
    control = Control()
    control.pause()
    worker = Worker(control)
    try:
        time.sleep(0.05)
        assert worker.steps == 0 and control.paused and control.must_wait()
        control.step_once()
        assert worker.reaches(1)
        control.step_once()
        control.step_once()
        assert worker.reaches(3)
        time.sleep(0.05)
        assert worker.steps == 3 and control.paused
        control.resume()
        assert worker.reaches(10) and not control.paused
    finally:
        control.stop()
    assert worker.ends()


def test_a_single_step_pauses_what_was_running():
    control = Control()
    control.step_once()
    assert not control.must_wait() and control.wait()
    assert control.must_wait() and control.paused


def test_stop_ends_a_pause_and_cannot_be_taken_back():
    control = Control()
    control.pause()
    worker = Worker(control)
    control.stop()
    assert worker.ends() and worker.steps == 0
    control.resume()
    control.step_once()
    assert not control.wait() and not control.must_wait()


def test_a_pause_forgets_single_steps_that_were_asked_for_before():
    control = Control()
    control.step_once()
    control.pause()
    assert control.must_wait()
    control.stop()


def test_many_threads_pressing_everything_end_in_no_deadlock():
    control = Control()
    worker = Worker(control)

    def press():
        for _ in range(200):
            control.pause()
            control.step_once()
            control.resume()

    pressers = [threading.Thread(target=press) for _ in range(4)]
    for thread in pressers:
        thread.start()
    for thread in pressers:
        thread.join(SOON)
        assert not thread.is_alive()
    steps = worker.steps
    assert worker.reaches(steps + 3), "resumed last, but it does not run"
    control.stop()
    assert worker.ends()


def test_there_is_news_exactly_while_something_is_asked_for():
    control = Control()
    assert not control.has_news
    control.steer({"training.learning_rate": 1e-4})
    assert control.has_news and control.take_changes()
    assert not control.has_news
    control.pause()
    assert control.has_news
    control.step_once()
    control.resume()
    assert control.has_news and control.wait()  # the single step, which is done by now
    assert not control.has_news
    control.stop()
    assert control.has_news
