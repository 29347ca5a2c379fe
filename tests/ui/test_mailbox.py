"""The mailbox between the window and one worker."""

from __future__ import annotations

import threading

import pytest

from latentlab.ui.mailbox import Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox(["first", "second"])


def test_the_newest_item_of_a_channel_wins(mailbox: Mailbox) -> None:
    for i in range(200):
        mailbox.put("second", (i,))
    assert mailbox.take() == ("second", (199,))
    mailbox.put("second", (200,))
    assert mailbox.take() == ("second", (200,))


def test_channels_are_served_in_their_order_not_in_that_of_arrival(mailbox: Mailbox) -> None:
    mailbox.put("second", "b")
    mailbox.put("first", "a")
    assert [mailbox.take(), mailbox.take()] == [("first", "a"), ("second", "b")]


def test_what_is_dropped_is_never_taken(mailbox: Mailbox) -> None:
    mailbox.put("first", "a")
    mailbox.put("second", "b")
    mailbox.drop("first")
    assert mailbox.take() == ("second", "b")


@pytest.mark.parametrize("full", [False, True])
def test_a_closed_mailbox_gives_nothing(mailbox: Mailbox, full: bool) -> None:
    if full:
        mailbox.put("first", "a")
    mailbox.close()
    assert mailbox.take() is None
    assert mailbox.take() is None


@pytest.mark.parametrize(("act", "taken"), [("put", ("second", "b")), ("close", None)])
def test_who_waits_is_woken(mailbox: Mailbox, act: str, taken: object) -> None:
    found: list[object] = []
    waiting = threading.Thread(target=lambda: found.append(mailbox.take()))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    mailbox.put("second", "b") if act == "put" else mailbox.close()
    waiting.join(2)
    assert not waiting.is_alive()
    assert found == [taken]
