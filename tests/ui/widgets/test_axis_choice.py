"""The choice of an axis: dimensions by their index, directions below them."""

import numpy as np
import pytest

from latentlab.latent import traversal
from latentlab.ui.latent_state import Axis
from latentlab.ui.widgets.axis_choice import AxisChoice

DIMENSIONS = [Axis(f"z{i}", traversal.unit(i, 4)) for i in range(4)]


def direction(name, *vector):
    vector = np.array(vector, np.float32)
    return Axis(name, vector / np.linalg.norm(vector))


SMILE, AGE = direction("smile", 1, 1, 0, 0), direction("age", 0, 1, -1, 0)


@pytest.fixture
def choice(qtbot):
    choice = AxisChoice()
    qtbot.addWidget(choice)
    choice.set_dimensions(DIMENSIONS)
    return choice


def test_entry_i_is_dimension_i_and_directions_stand_below_a_line(choice):
    assert choice.count() == 4
    choice.set_directions([SMILE, AGE])
    assert [choice.itemText(i) for i in range(choice.count())] == ["z0", "z1", "z2", "z3", "", "smile", "age"]
    assert [choice.itemData(i) for i in (0, 3, 5)] == [DIMENSIONS[0], DIMENSIONS[3], SMILE]
    choice.set_directions([])
    assert choice.count() == 4


def test_the_line_is_thin_and_no_entry(choice, qtbot):
    choice.set_directions([SMILE])
    choice.show()
    choice.showPopup()
    heights = [choice.view().sizeHintForRow(row) for row in range(choice.count())]
    assert heights[4] < min(heights[:4])
    assert not choice.model().item(4).isEnabled()
    choice.hidePopup()


def test_what_is_shown_stays_while_other_directions_come_and_go(choice):
    choice.set_directions([SMILE, AGE])
    choice.show_axis(AGE)
    choice.set_directions([AGE])
    assert choice.currentData() is AGE
    choice.show_axis(DIMENSIONS[2])
    choice.set_directions([SMILE, AGE])
    assert choice.currentIndex() == 2


def test_an_axis_is_found_by_its_vector_else_a_direction_by_its_name(choice):
    choice.set_directions([SMILE, AGE])
    renamed, turned = Axis("grin", SMILE.vector), direction("age", 0, 1, -0.5, 0)
    assert choice.offered(renamed) is SMILE
    assert choice.offered(turned) is AGE
    assert (
        choice.offered(direction("z1", 1, 2, 3, 4)) is None
    )  # a dimension is what it is, not what it is called


def test_an_axis_that_is_not_offered_is_shown_by_its_name(choice):
    choice.show_axis(SMILE)
    assert choice.currentIndex() == -1 and choice.placeholderText() == "smile"
    choice.show_axis(DIMENSIONS[1])
    assert choice.currentText() == "z1"


def test_a_long_name_ends_in_dots_within_the_field(choice):
    long = direction("the slant of the hand that writes it", 1, 1, 0, 0)
    choice.set_directions([long])
    choice.resize(110, 28)
    choice.show_axis(DIMENSIONS[0])
    short = choice.grab().toImage()
    choice.show_axis(long)
    image = choice.grab().toImage()
    assert image != short
    field = range(choice.width() - 22, choice.width() - 2)  # where the arrow is
    for x in field:
        for y in range(2, choice.height() - 2):
            assert image.pixel(x, y) == short.pixel(x, y), "the name runs into the arrow"


def test_512_dimensions_are_offered(choice):
    many = [Axis(f"z{i}", traversal.unit(i, 512)) for i in range(512)]
    choice.set_dimensions(many)
    choice.show_axis(Axis("z300", traversal.unit(300, 512)))
    assert choice.currentIndex() == 300
