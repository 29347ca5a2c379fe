"""The worker threads by themselves: what they answer, what they survive, how they end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import psutil
import pytest
import torch
from pytestqt.qtbot import QtBot

from latentlab.core.config import parse
from latentlab.core.errors import DataError
from latentlab.models import MODELS, Model
from latentlab.training.control import Control
from latentlab.training.events import (
    Diverged,
    Done,
    Edited,
    Evaluated,
    Event,
    Health,
    OutOfMemory,
    Paused,
    Preview,
    Progress,
    Saved,
)
from latentlab.ui import workers
from latentlab.ui.kernel_threads import in_full_strength, keep_to_one_kernel_thread
from latentlab.ui.workers import Sampler, Task, Trainer, explain


@pytest.fixture
def model() -> Model:
    kind = MODELS.get("vae-mlp")
    return kind(parse(kind.Config, {"latent_size": 3, "width": 8}, "model"), (1, 8, 8))


@pytest.fixture
def sampler(qtbot: QtBot) -> Iterator[Sampler]:
    sampler = Sampler()
    sampler.answers = []  # type: ignore[attr-defined]
    sampler.rendered.connect(lambda *answer: sampler.answers.append(answer))  # type: ignore[attr-defined]
    sampler.start()
    yield sampler
    sampler.stop()
    assert sampler.wait(2000)


def test_a_task_gives_its_result_and_its_progress(qtbot: QtBot) -> None:
    def work(report) -> str:
        for i in range(4):
            report(i + 1, 4)
        return "done"

    task, told, given = Task(work), [], []
    task.progressed.connect(lambda done, total: told.append((done, total)))
    task.succeeded.connect(given.append)
    with qtbot.waitSignal(task.finished, timeout=2000):
        task.start()
    assert given == ["done"]
    assert told[-1] == (4, 4)
    task.wait()


def test_a_task_says_what_it_does_with_its_progress_and_each_thing_once(qtbot: QtBot) -> None:
    def work(report) -> None:
        from latentlab.data.report import Part, say

        say(report, "Looking")
        say(report, "Reading")  # the newest counts where both came before anyone looked
        part = Part(report, 0.5, 1)
        for i in range(3):
            part(i, 3)
        say(part, "Writing")
        report(1, 1)

    task, told = Task(work), []
    task.said.connect(told.append)
    task.progressed.connect(lambda *_: told.append("..."))
    with qtbot.waitSignal(task.finished, timeout=2000):
        task.start()
    assert [what for what in told if what != "..."] == ["Reading", "Writing"]
    assert told[0] == "Reading" and told[-2:] == ["Writing", "..."]
    task.wait()


def test_a_cancelled_task_ends_without_result_or_failure(qtbot: QtBot) -> None:
    said = []

    def work(report) -> None:
        while True:
            report(0, 1)
            time.sleep(0.005)

    task = Task(work)
    task.succeeded.connect(said.append)
    task.failed.connect(lambda *failure: said.append(failure))
    with qtbot.waitSignal(task.finished, timeout=2000):
        task.start()
        task.cancel()
    assert said == []
    task.wait()


def test_a_result_that_comes_after_cancel_is_not_told(qtbot: QtBot) -> None:
    go_on, said = threading.Event(), []
    task = Task(lambda report: go_on.wait(5))
    task.succeeded.connect(said.append)
    with qtbot.waitSignal(task.finished, timeout=2000):
        task.start()
        task.cancel()
        go_on.set()
    assert said == []
    task.wait()


def test_a_failing_task_says_what_and_where(qtbot: QtBot) -> None:
    def work(report) -> None:
        raise DataError("There is no folder x.")

    task, said = Task(work), []
    task.failed.connect(lambda *failure: said.append(failure))
    with qtbot.waitSignal(task.finished, timeout=2000):
        task.start()
    ((summary, details),) = said
    assert summary == "There is no folder x."
    assert "Traceback" in details and "in work" in details
    task.wait()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "a.png"), "No space left on device: a.png."),
        (RuntimeError("CUDA out of memory. Tried to"), "Out of memory: try a smaller batch, width or"),
        (ZeroDivisionError("division by zero"), "Something unexpected happened: division by zero"),
    ],
)
def test_every_failure_becomes_one_sentence(error: Exception, sentence: str) -> None:
    summary, details = explain(error)
    assert summary.startswith(sentence)
    assert type(error).__name__ in details


def test_the_sampler_decodes_what_the_model_decodes(qtbot: QtBot, sampler: Sampler, model: Model) -> None:
    from latentlab.models.pixels import render

    latents = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    sampler.adopt(model.evaluation_copy())
    with qtbot.waitSignal(sampler.rendered, timeout=5000) as blocker:
        sampler.request("plane", 7, latents)
    channel, stamp, images, milliseconds = blocker.args
    assert (channel, stamp) == ("plane", 7) and milliseconds > 0
    np.testing.assert_array_equal(images, render(model, latents))


def test_of_200_requests_the_newest_is_answered_and_none_out_of_order(
    qtbot: QtBot, sampler: Sampler, model: Model
) -> None:
    model = model.evaluation_copy()
    decode = model.decode
    model.decode = lambda z: (time.sleep(0.01), decode(z))[1]  # type: ignore[method-assign]
    with qtbot.waitSignal(sampler.adopted, timeout=2000):
        sampler.adopt(model)
    for stamp in range(200):
        sampler.request("explore", stamp, np.full((1, 3), stamp, np.float32))
    answers = sampler.answers  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: bool(answers) and answers[-1][1] == 199, timeout=5000)
    qtbot.wait(50)
    stamps = [stamp for _, stamp, _, _ in answers]
    assert stamps == sorted(stamps) and stamps[-1] == 199
    assert len(stamps) < 20


def test_a_failing_decode_is_told_and_the_thread_lives_on(
    qtbot: QtBot, sampler: Sampler, model: Model
) -> None:
    poisoned = model.evaluation_copy()

    def fail(z: object) -> None:
        raise RuntimeError("no picture today")

    poisoned.decode = fail  # type: ignore[method-assign, assignment]
    sampler.adopt(poisoned)
    with qtbot.waitSignal(sampler.failed, timeout=2000) as blocker:
        sampler.request("explore", 1, np.zeros((1, 3), np.float32))
    assert "no picture today" in blocker.args[0]
    assert sampler.isRunning()
    sampler.adopt(model.evaluation_copy())
    with qtbot.waitSignal(sampler.rendered, timeout=2000) as blocker:
        sampler.request("explore", 2, np.zeros((1, 3), np.float32))
    assert blocker.args[1] == 2


def test_latents_of_another_size_are_passed_over(qtbot: QtBot, sampler: Sampler, model: Model) -> None:
    sampler.adopt(model.evaluation_copy())
    sampler.request("explore", 1, np.zeros((1, 9), np.float32))
    with qtbot.waitSignal(sampler.rendered, timeout=2000) as blocker:
        sampler.request("plane", 2, np.zeros((1, 3), np.float32))
    assert blocker.args[:2] == ["plane", 2]


def test_newer_weights_are_shown(qtbot: QtBot, sampler: Sampler, model: Model) -> None:
    from latentlab.models.pixels import render

    sampler.adopt(model.evaluation_copy())
    kind = type(model)
    other = kind(model.config, (1, 8, 8), seed=5)
    with qtbot.waitSignal(sampler.refreshed, timeout=2000) as blocker:
        sampler.refresh(other.weights(), 12)
    assert blocker.args == [12]
    with qtbot.waitSignal(sampler.rendered, timeout=2000) as blocker:
        sampler.request("plane", 1, np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(blocker.args[2], render(other, np.ones((2, 3), np.float32)))
    assert not np.array_equal(blocker.args[2], render(model, np.ones((2, 3), np.float32)))


def test_a_model_is_lent_as_it_was_when_it_was_asked_for(
    qtbot: QtBot, sampler: Sampler, model: Model
) -> None:
    """A training that begins in the same moment takes neither the loan away nor another model's place."""
    kind = type(model)
    other = kind(parse(kind.Config, {"latent_size": 5, "width": 8}, "model"), (1, 8, 8))
    busy = model.evaluation_copy()
    decode, entered, go_on = busy.decode, threading.Event(), threading.Event()
    busy.decode = lambda z: (entered.set(), go_on.wait(5), decode(z))[2]  # type: ignore[method-assign]
    sampler.adopt(busy)
    sampler.request("explore", 1, np.zeros((1, 3), np.float32))
    assert entered.wait(2)
    with qtbot.waitSignal(sampler.lent, timeout=2000) as blocker:
        sampler.lend()
        sampler.adopt(other.evaluation_copy())
        go_on.set()
    assert blocker.args[0].latent_shape == (3,)
    assert blocker.args[0] is not busy


def test_a_stopped_sampler_is_gone_at_once(qtbot: QtBot, model: Model) -> None:
    sampler = Sampler()
    sampler.adopt(model.evaluation_copy())
    sampler.start()
    sampler.stop()
    assert sampler.wait(2000)


def test_a_trainer_hands_on_every_kind_of_event(
    qtbot: QtBot, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the loop tells has a signal; after a divergence the weights that it went back to are shown."""
    told: list[Event] = [
        Progress(9, 0, 0.1, 0.1, 1.0, 1.0, None, np.arange(1), {}),
        Preview(9, np.zeros((1, 1, 8, 8), np.uint8)),
        Evaluated(9, {}),
        Health(9, ()),
        Edited(9, {}),
        OutOfMemory(9, 8, 4),
        Saved(9, Path("x")),
        Diverged(10, 7, "KL"),
        Paused(7),
        Done(7, 1.0, "stopped"),
    ]
    assert {type(event) for event in told} == set(get_args(Event))
    controls: list[Control] = []

    def events(control: Control) -> Iterator[Event]:
        controls.append(control)
        for event in told:
            model.step_count = event.back_to if isinstance(event, Diverged) else event.step
            yield event

    monkeypatch.setattr(workers, "read_run", lambda *_: "opened")
    training = SimpleNamespace(model=model, folder=None, events=events)
    sampler = Sampler()  # never started: what it is given is looked at here
    refreshed: list[int] = []
    monkeypatch.setattr(sampler, "refresh", lambda weights, step: refreshed.append(step))
    trainer = Trainer(lambda: training, sampler)  # type: ignore[arg-type, return-value]
    heard: list[object] = []
    for signal in (
        trainer.started_run, trainer.progressed, trainer.previewed, trainer.evaluated, trainer.health,
        trainer.edited, trainer.out_of_memory, trainer.saved, trainer.diverged, trainer.paused, trainer.done,
    ):  # fmt: skip
        signal.connect(heard.append)
    trainer.failed.connect(lambda *failure: heard.append(failure))
    with qtbot.waitSignal(trainer.finished, timeout=20_000):
        trainer.start()
    trainer.wait()
    assert heard == ["opened", *(7 if isinstance(event, Paused) else event for event in told)]
    assert controls == [trainer.control] and trainer.control.waits
    assert refreshed[-3:] == [7, 7, 7]  # of Diverged, Paused and Done


def test_a_thread_keeps_its_one_kernel_thread_whatever_others_set():
    asked, said = threading.Event(), threading.Event()
    found: list[int] = []

    def beside_a_training() -> None:
        keep_to_one_kernel_thread()
        asked.set()
        said.wait(30)
        torch.zeros(1 << 20).add_(1.0)  # its first kernel
        found.append(torch.get_num_threads())

    before = torch.get_num_threads()
    thread = threading.Thread(target=beside_a_training)
    thread.start()
    asked.wait(30)
    torch.set_num_threads(2)
    said.set()
    thread.join()
    torch.set_num_threads(before)
    assert found == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' runtimes keep such threads for all")
def test_work_in_full_strength_leaves_no_thread_behind(qtbot: QtBot, monkeypatch):
    monkeypatch.setattr("latentlab.ui.kernel_threads.kernel_threads", lambda: 2)

    def work(size: int) -> tuple[int, int]:
        torch.zeros(size).add_(1.0)
        return torch.get_num_threads(), psutil.Process().num_threads()

    before = psutil.Process().num_threads()
    threads, during = in_full_strength(work, 1 << 20)
    assert threads == 2
    assert during > before + 1  # itself and its team
    qtbot.waitUntil(lambda: psutil.Process().num_threads() <= before, timeout=30_000)
