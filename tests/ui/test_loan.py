"""Work on a lent model: what it tells on its way, how it is given up, and that its end is always told."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import shiboken6
import torch
from pytestqt.qtbot import QtBot

from latentlab.core.config import parse
from latentlab.core.errors import ConfigError
from latentlab.models import MODELS
from latentlab.models.pixels import render
from latentlab.ui.session import Session

pytestmark = pytest.mark.qt_log_level_fail("WARNING")


@pytest.fixture
def model():
    kind = MODELS.get("vae-mlp")
    return kind(parse(kind.Config, {"latent_size": 3, "width": 8}, "model"), (1, 8, 8)).evaluation_copy()


@pytest.fixture
def session(qtbot: QtBot, model):
    """A session without a window whose sampler decodes `model`."""
    session = Session()
    session.said = []
    session.notified.connect(session.said.append)
    session.sampler.start()
    with qtbot.waitSignal(session.latent.space_changed, timeout=10_000):
        session.sampler.adopt(model)
    # The session measures a new model on a loan of its own: what is lent to that must not reach a test's.
    qtbot.waitUntil(lambda: not session._loans, timeout=10_000)
    yield session
    assert session.close(seconds=10)
    session.deleteLater()


@pytest.fixture
def lend(session, qtbot):
    """lend(work): the loan and the list that everything it says comes to."""

    def lend(work):
        loan, heard = session.with_model(work), []
        for name in ("progressed", "told", "succeeded", "failed", "ended"):
            getattr(loan, name).connect(lambda *said, name=name: heard.append((name, *said)))
        return loan, heard

    return lend


@pytest.fixture
def ended(qtbot):
    return lambda heard: qtbot.waitUntil(lambda: ("ended",) in heard, timeout=10_000)


class Gate:
    """Work that goes on when it is told to, and says that it has begun."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, model, report):
        self.begun.set()
        assert self.open.wait(10)
        report(1, 2)
        return "result"


def test_the_result_is_that_of_the_present_model_and_the_end_comes_last(session, lend, ended, model):
    z = np.float32([[1, -1, 0.5]])
    _, heard = lend(lambda model, report: render(model, z))
    ended(heard)
    assert [name for name, *_ in heard] == ["succeeded", "ended"]
    np.testing.assert_array_equal(heard[0][1], render(model, z))


def test_what_it_is_lent_is_a_copy_that_learns_no_more(session, lend, ended, model, qtbot):
    gate, z = Gate(), np.float32([[1, -1, 0.5]])
    before = render(model, z)

    def work(lent, report):
        gate(lent, report)
        return render(lent, z)

    _, heard = lend(work)
    qtbot.waitUntil(gate.begun.is_set, timeout=10_000)
    with qtbot.waitSignal(session.latent.weights_changed, timeout=10_000):
        session.sampler.refresh([torch.zeros_like(w) for w in model.weights()], 7)
    gate.open.set()
    ended(heard)
    assert heard[-2][0] == "succeeded"
    np.testing.assert_array_equal(heard[-2][1], before)
    assert not np.array_equal(render(model, z), before)


def test_progress_and_what_the_work_tells_arrive_in_order_before_the_result(session, lend, ended, qtbot):
    threads, there = [], threading.Event()

    def work(model, report):
        assert there.wait(10)
        for i in range(3):
            loan.tell(i)
        report(4, 4)
        return "all"

    loan, heard = lend(work)
    loan.told.connect(lambda _: threads.append(threading.current_thread()))
    there.set()
    ended(heard)
    assert heard == [
        *[("told", i) for i in range(3)],
        ("progressed", 4, 4),
        ("succeeded", "all"),
        ("ended",),
    ]
    assert set(threads) == {threading.main_thread()}


def test_given_up_before_the_model_came_it_never_begins(session, lend, ended):
    gate = Gate()
    loan, heard = lend(gate)
    loan.cancel()
    ended(heard)
    assert heard == [("ended",)] and not gate.begun.is_set()


def test_given_up_on_its_way_it_ends_at_the_next_report_without_a_result(session, lend, ended, qtbot):
    gate = Gate()
    loan, heard = lend(gate)
    qtbot.waitUntil(gate.begun.is_set, timeout=10_000)
    loan.cancel()
    assert ("ended",) not in heard
    gate.open.set()
    ended(heard)
    assert heard == [("ended",)] and session.said == []


def test_what_was_on_its_way_when_it_was_given_up_is_not_told(session, lend, ended, qtbot):
    begun, say, said, go_on = (threading.Event() for _ in range(4))

    def work(model, report):
        begun.set()
        assert say.wait(10)
        loan.tell("first")
        report(1, 2)
        said.set()
        assert go_on.wait(10)
        return "result"  # without another report: it never noticed

    loan, heard = lend(work)
    qtbot.waitUntil(begun.is_set, timeout=10_000)
    # From here to the cancel this thread takes no events: what the work says waits for it.
    say.set()
    assert said.wait(10)
    loan.cancel()
    go_on.set()
    ended(heard)
    assert heard == [("ended",)]


def test_a_failure_is_a_notice_and_the_end_comes_still(session, lend, ended):
    def work(model, report):
        raise ConfigError("There is nothing to be found.")

    _, heard = lend(work)
    ended(heard)
    assert [name for name, *_ in heard] == ["failed", "ended"]
    assert heard[0][1] == "There is nothing to be found." and "in work" in heard[0][2]
    assert [(notice.level, notice.text) for notice in session.said] == [
        ("error", "There is nothing to be found.")
    ]


def test_a_model_that_cannot_be_copied_ends_every_loan_with_a_notice(
    session, lend, ended, monkeypatch, model
):
    def fail(self):
        raise RuntimeError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(type(model), "evaluation_copy", fail)
    _, heard = lend(lambda model, report: "result")
    ended(heard)
    assert heard == [("ended",)]
    assert session.said[0].text.startswith("Out of memory")
    monkeypatch.undo()
    _, heard = lend(lambda model, report: "result")
    ended(heard)
    assert heard == [("succeeded", "result"), ("ended",)]


def test_it_is_gone_after_its_end(session, lend, ended, qtbot):
    gone = []
    loan, heard = lend(lambda model, report: None)
    loan.destroyed.connect(lambda: gone.append(True))
    ended(heard)
    qtbot.waitUntil(lambda: gone == [True], timeout=5_000)
    assert not shiboken6.isValid(loan)
    loan.cancel()  # whoever kept it may still say so


def test_two_at_once_do_not_wait_for_each_other(session, lend, ended, qtbot):
    first, second = Gate(), Gate()
    _, heard = lend(first)
    _, other = lend(second)
    qtbot.waitUntil(lambda: first.begun.is_set() and second.begun.is_set(), timeout=10_000)
    second.open.set()
    ended(other)
    assert ("ended",) not in heard
    first.open.set()
    ended(heard)
    assert ("succeeded", "result") in heard and ("succeeded", "result") in other


def test_closing_gives_it_up(session, lend, qtbot):
    gate = Gate()
    _, heard = lend(gate)
    qtbot.waitUntil(gate.begun.is_set, timeout=10_000)
    gate.open.set()
    assert session.close(seconds=10)
    assert all(name != "succeeded" for name, *_ in heard)
