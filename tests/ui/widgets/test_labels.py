import pytest

from latentlab.ui.widgets.labels import PartsLabel, plain_tooltip


@pytest.fixture
def label(qtbot):
    label = PartsLabel("93 images · 64×64 · colour · 13 skipped")
    qtbot.addWidget(label)
    return label


def test_whole_parts_are_given_up(label):
    def needed(text):
        return label.fontMetrics().horizontalAdvance(text)

    assert label.fitting(needed(label.text())) == label.text()
    assert label.fitting(needed(label.text()) - 1) == "93 images · 64×64 · colour …"
    assert label.fitting(needed("93 images …") + 1) == "93 images …"
    narrow = label.fitting(needed("93 images …") - 1)
    assert narrow.startswith("93") and narrow.endswith("…") and narrow != "93 images …"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cats/1.png", "cats/1.png"),
        ("<b>1</b>.png", "<span>&lt;b&gt;1&lt;/b&gt;.png</span>"),
        ("a &lt; b", "<span>a &amp;lt; b</span>"),
    ],
)
def test_a_name_is_no_html(text, shown):
    assert plain_tooltip(text) == shown
