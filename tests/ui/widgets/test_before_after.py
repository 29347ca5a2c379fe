"""Images before and after: where each tile stands, and what is painted there."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from latentlab.run.preparing import PreparationPreview
from latentlab.ui.widgets.before_after import BeforeAfter


def preview(count, augmented=False, channels=3, value=200):
    random = np.random.default_rng(0)
    prepared = np.full((count, channels, 8, 8), value, np.uint8)
    return PreparationPreview(
        names=tuple(f"{i}.png" for i in range(count)),
        sizes=tuple((40, 10 + i) for i in range(count)),
        originals=tuple(random.integers(0, 256, (3, 10 + i, 40), np.uint8) for i in range(count)),
        prepared=prepared,
        augmented=np.stack([prepared // 2, prepared // 4], axis=1) if augmented else None,
        count=count,
        settled=True,
    )


@pytest.fixture
def view(qtbot):
    view = BeforeAfter()
    qtbot.addWidget(view)
    view.resize(260, 100)
    view.show()
    qtbot.waitExposed(view)
    return view


@pytest.mark.parametrize("augmented, count", [(False, 6), (False, 5), (False, 1), (True, 4), (True, 1)])
@pytest.mark.parametrize("width", [150, 260, 700])
def test_tiles_are_inside_and_apart(view, augmented, count, width):
    view.resize(width, 10)
    view.set_preview(preview(count, augmented))
    columns = 4 if augmented else 2
    places = [view.tile_rect(index, column) for index in range(count) for column in range(columns)]
    assert all(view.rect().contains(place) for place in places)
    assert not any(a.intersects(b) for i, a in enumerate(places) for b in places[i + 1 :])
    assert len({place.width() for place in places}) == 1 and places[0].width() == places[0].height()


def test_every_tile_is_painted_in_its_place(view):
    view.set_preview(preview(3, augmented=True))
    picture = view.grab().toImage()
    for index in range(3):
        for column, value in ((1, 200), (2, 100), (3, 50)):
            assert picture.pixelColor(view.tile_rect(index, column).center()).red() == value
        # An original of 40 by some ten keeps its proportions: nothing of it stands at the top of its tile.
        place = view.tile_rect(index, 0)
        assert picture.pixelColor(place.center().x(), place.top() + 2) == picture.pixelColor(
            place.right() + 2, place.center().y()
        )


def test_what_is_transparent_shows_squares(view):
    view.set_preview(preview(1, channels=4, value=0))
    picture, place = view.grab().toImage(), view.tile_rect(0, 1)
    found = {picture.pixelColor(place.left() + x, place.top() + 3).name() for x in range(place.width())}
    assert found == {"#808080", "#a0a0a0"}


def test_it_says_what_it_shows_to_those_who_do_not_see_it(view):
    assert view.accessibleDescription() == "Nothing yet"
    view.set_preview(preview(2))
    assert view.accessibleDescription() == "0.png: 40×10 → 8×8; 1.png: 40×11 → 8×8"
    view.set_preview(None)
    assert view.accessibleDescription() == "Nothing yet" and view.count() == 0


def test_mouse_and_keys_ask_for_more(view, qtbot):
    asked = []
    view.clicked.connect(lambda: asked.append(1))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_A):
        qtbot.keyClick(view, key)
    assert len(asked) == 3


def test_a_new_preview_replaces_the_pictures(view):
    view.set_preview(preview(1, value=10))
    view.grab()
    view.set_preview(preview(1, value=250))
    assert view.grab().toImage().pixelColor(view.tile_rect(0, 1).center()).red() == 250
