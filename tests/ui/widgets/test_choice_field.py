"""A choice that is too long for its box ends in an ellipsis rather than in half a letter."""

from __future__ import annotations

import pytest

from latentlab.ui import theme
from latentlab.ui.widgets.fields import ChoiceField

pytestmark = [
    pytest.mark.qt_log_level_fail("WARNING"),
    pytest.mark.qt_log_ignore("This plugin does not support"),  # what the screenless platform says of menus
]


@pytest.fixture
def choice(qtbot, qapp):
    theme.apply(qapp)
    choice = ChoiceField()
    qtbot.addWidget(choice)
    choice.resize(140, 28)
    return choice


def painted(choice, text):
    choice.clear()
    choice.addItem(text)
    return choice.grab().toImage()


def test_a_long_choice_ends_in_an_ellipsis(choice):
    long = "A light DCGAN on a hundred thousand digits"
    shown = [long[:length] + "…" for length in range(3, len(long))]
    assert any(painted(choice, long) == painted(choice, text) for text in shown)


def test_a_choice_that_fits_is_painted_whole(choice):
    assert painted(choice, "digits") != painted(choice, "digit…")


def test_where_a_person_chooses_long_names_are_whole(choice):
    choice.addItems(["None", "Wasserstein distance with a gradient penalty"])
    choice.show()
    choice.showPopup()
    view = choice.view()
    longest = view.fontMetrics().horizontalAdvance(choice.itemText(1))
    assert view.viewport().width() >= longest > choice.width()
    choice.hidePopup()
