import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QImage
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from latentlab.core.paths import resource
from latentlab.ui import theme

THEMES = (theme.DARK, theme.LIGHT)
ICONS = sorted(path.stem for path in resource("icons").glob("*.svg"))


@pytest.fixture(autouse=True)
def _dark_afterwards(qapp):
    yield
    theme.apply(qapp, "dark")


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_formula_knows_black_and_white():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("shown", THEMES, ids=lambda t: t.name)
@pytest.mark.parametrize("ground", ["window", "panel", "control", "hover"])
@pytest.mark.parametrize("text", ["text", "secondary"])
def test_what_must_be_read_has_aa_contrast(shown, ground, text):
    assert contrast(getattr(shown, text), getattr(shown, ground)) >= 4.5


@pytest.mark.parametrize("shown", THEMES, ids=lambda t: t.name)
@pytest.mark.parametrize("ground", ["window", "panel", "control"])
@pytest.mark.parametrize("text", ["accent", "good", "warning", "error"])
def test_words_in_colour_have_aa_contrast(shown, ground, text):
    assert contrast(getattr(shown, text), getattr(shown, ground)) >= 4.5


@pytest.mark.parametrize("shown", THEMES, ids=lambda t: t.name)
def test_fills_and_curves_stand_out(shown):
    for fill in ("accent", "accent_hover", "accent_pressed"):
        # Large or bold text on the fill needs 3, what is at rest 4.5.
        assert contrast(shown.on_accent, getattr(shown, fill)) >= (4.5 if fill == "accent" else 3)
    assert contrast(shown.text, shown.selection) >= 4.5
    assert len(set(shown.series)) == 6
    for color in shown.series:  # graphical objects need 3:1
        assert contrast(color, shown.panel) >= 3


@pytest.mark.parametrize("shown", THEMES, ids=lambda t: t.name)
def test_every_token_of_the_style_sheet_is_replaced_and_every_picture_there(shown):
    sheet = theme.style_sheet(shown)
    assert "@" not in sheet
    paths = re.findall(r'url\("([^"]+)"\)', sheet)
    assert paths
    for path in paths:
        assert not QImage(path).isNull(), path


def test_an_unknown_token_is_named(monkeypatch, tmp_path):
    (tmp_path / "latentlab.qss").write_text("QLabel { color: @nonsense; }")
    with monkeypatch.context() as patch, pytest.raises(KeyError, match="nonsense"):
        patch.setattr(theme, "resource", lambda *parts: tmp_path / parts[-1])
        theme.style_sheet(theme.DARK)


def test_qt_accepts_the_style_sheet(qapp, qtbot, capfd):
    theme.apply(qapp, "light")
    theme.apply(qapp, "dark")
    label = QLabel("x")
    qtbot.addWidget(label)
    label.show()
    assert "parse" not in capfd.readouterr().err


def test_apply_changes_what_is_current(qapp):
    theme.apply(qapp, "light")
    assert theme.current() is theme.LIGHT
    assert qapp.palette().window().color() == QColor(theme.LIGHT.panel)
    theme.apply(qapp, "dark")
    assert theme.current() is theme.DARK
    assert qapp.palette().window().color() == QColor(theme.DARK.panel)


def test_system_follows_the_desktop(qapp):
    theme.apply(qapp, "system")
    assert theme.current() is theme.tokens("system")
    assert theme.tokens("system").name in ("dark", "light")
    assert QGuiApplication.styleHints() is not None


def test_digits_are_of_equal_width_and_the_size_is_right():
    font = theme.base_font()
    assert font.pixelSize() == 13
    assert font.featureValue(QFont.Tag("tnum")) == 1


def has_color(icon: QIcon, color: str, mode: QIcon.Mode = QIcon.Mode.Normal) -> bool:
    image = icon.pixmap(QSize(16, 16), 2.0, mode).toImage()
    wanted = QColor(color).rgb()
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return any(image.pixelColor(*p).alpha() == 255 and image.pixelColor(*p).rgb() == wanted for p in points)


@pytest.mark.parametrize("name", [n for n in ICONS if n != "latentlab"])
def test_icons_are_drawn_in_the_colour_of_the_theme(qapp, name):
    theme.apply(qapp, "dark")
    dark = theme.icon(name)
    assert has_color(dark, theme.DARK.text)
    assert has_color(dark, theme.DARK.faint, QIcon.Mode.Disabled)
    assert has_color(theme.icon(name, "on_accent"), theme.DARK.on_accent)
    theme.apply(qapp, "light")
    assert has_color(theme.icon(name), theme.LIGHT.text)


def test_icons_are_crisp_at_two_device_pixels(qapp):
    pixmap = theme.icon("grid").pixmap(QSize(16, 16), 2.0)
    assert pixmap.size() == QSize(32, 32)
    assert pixmap.devicePixelRatio() == 2


def test_the_family_is_complete():
    wanted = (
        "play pause step stop open export reset lock unlock dice bookmark plus minus close chevron-down info "
        "warning error folder image grid curve settings sun moon help copy film latentlab"
    )
    assert set(wanted.split()) <= set(ICONS)


def test_the_mark_is_drawn():
    image = theme.render_icon("latentlab", "#000000", 64).toImage()
    colors = {image.pixel(x, y) for x in range(64) for y in range(64)}
    assert len(colors) > 50


def test_set_icon_keeps_up_with_the_theme(qapp, qtbot):
    theme.apply(qapp, "dark")
    button = QPushButton()
    qtbot.addWidget(button)
    theme.set_icon(button, "play")
    assert has_color(button.icon(), theme.DARK.text)
    theme.apply(qapp, "light")
    assert has_color(button.icon(), theme.LIGHT.text)


def test_set_property_restyles(qapp, qtbot):
    theme.apply(qapp, "dark")
    label = QLabel("x")
    qtbot.addWidget(label)
    label.show()
    theme.set_property(label, "role", "error")
    assert label.palette().windowText().color() == QColor(theme.DARK.error)


def test_the_widgets_load_neither_torch_nor_pyqtgraph():
    import subprocess
    import sys

    code = (
        "import sys, latentlab.ui.theme, latentlab.ui.widgets.form, latentlab.ui.widgets.picture, "
        "latentlab.ui.widgets.latent_list, latentlab.ui.widgets.thumbnails\n"
        "print({'torch', 'pyqtgraph', 'superqt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_tokens_give_colours_with_alpha():
    color = theme.DARK.color("accent", 0.5)
    assert color.alphaF() == pytest.approx(0.5, abs=0.01)
    assert QApplication.instance() is not None
