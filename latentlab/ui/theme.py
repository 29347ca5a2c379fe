"""Colours, type and icons of the window: one set of named tokens feeds palette, style sheet and painters."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from latentlab.core.paths import resource

Choice = Literal["dark", "light", "system"]

#: Sizes in pixels that icons are drawn at: 16, 20 and 24 at one, one and a half and two device pixels.
ICON_SIZES = (16, 20, 24, 30, 32, 36, 40, 48, 64)


@dataclass(frozen=True)
class Tokens:
    """The named colours of one theme, each ``#RRGGBB``.

    From back to front: `canvas` behind pictures, `window`, `panel`, `control`, `hover`, `pressed`, `line`.
    `text` and `secondary` are readable (WCAG AA) on window, panel and control; `faint` is for what need not
    be read. `on_accent` is text on an `accent` fill. `series` are six colours that colour-blind people tell
    apart.
    """

    name: Literal["dark", "light"]
    canvas: str
    window: str
    panel: str
    control: str
    hover: str
    pressed: str
    line: str
    text: str
    secondary: str
    faint: str
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    selection: str
    handle: str
    handle_line: str
    good: str
    warning: str
    error: str
    series: tuple[str, str, str, str, str, str]

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """A token as QColor; `alpha` in 0..1."""
        color = QColor(getattr(self, token))
        color.setAlphaF(alpha)
        return color


DARK = Tokens(
    name="dark",
    canvas="#0A0C0F",
    window="#0F1115",
    panel="#161A21",
    control="#1F2530",
    hover="#2A313D",
    pressed="#333C4B",
    line="#262C36",
    text="#E6E9EF",
    secondary="#9AA4B2",
    faint="#667080",
    accent="#5B9DFF",
    accent_hover="#7AB0FF",
    accent_pressed="#4687EA",
    on_accent="#0B1220",
    selection="#21395E",
    handle="#F2F4F8",
    handle_line="#F2F4F8",
    good="#4CC38A",
    warning="#F5B849",
    error="#F2555A",
    series=("#56B4E9", "#E69F00", "#4CC38A", "#CC79A7", "#F0E442", "#D55E00"),
)

LIGHT = Tokens(
    name="light",
    canvas="#E3E7ED",
    window="#F1F3F7",
    panel="#FBFCFE",
    control="#E8ECF2",
    hover="#DCE2EB",
    pressed="#CDD5E1",
    line="#D3D9E2",
    text="#171B22",
    secondary="#4B5665",
    faint="#8791A0",
    accent="#1D66D6",
    accent_hover="#2C77EA",
    accent_pressed="#1652AE",
    on_accent="#FFFFFF",
    selection="#CFE1FC",
    handle="#FFFFFF",
    handle_line="#9AA4B2",
    good="#147A49",
    warning="#8A5A00",
    error="#C42B33",
    series=("#0072B2", "#B36B00", "#147A49", "#A8467F", "#857500", "#B84600"),
)

_BY_NAME = {"dark": DARK, "light": LIGHT}


class _Theme(QObject):
    """What is chosen and what is shown; lives as long as the application."""

    choice: Choice = "dark"
    shown: Tokens = DARK

    def _on_scheme_changed(self) -> None:
        if self.choice == "system":
            _show(tokens("system"))


_theme: _Theme | None = None


def tokens(theme: Choice) -> Tokens:
    """The tokens of a theme; ``system`` asks the desktop and falls back to dark."""
    if theme == "system":
        light = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light
        return LIGHT if light else DARK
    return _BY_NAME[theme]


def current() -> Tokens:
    """The tokens now shown."""
    return _theme.shown if _theme else DARK


def prepare(app: QApplication, theme: Choice = "dark") -> None:
    """All of `apply` but the style sheet: a window is built in half the time where that comes afterwards.

    Qt matches every widget with the style sheet anew whenever one around it is put into another.
    """
    global _theme
    hints = QGuiApplication.styleHints()
    if _theme is None:
        _theme = _Theme()
        hints.colorSchemeChanged.connect(_theme._on_scheme_changed)
        app.setStyle("Fusion")
        app.setFont(base_font())
    _theme.choice = theme
    # Asks the platform for matching title bars and native dialogs too; unset means "what the desktop says".
    scheme = {"dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light, "system": Qt.ColorScheme.Unknown}
    hints.setColorScheme(scheme[theme])
    _theme.shown = tokens(theme)
    app.setPalette(palette(_theme.shown))


def apply(app: QApplication, theme: Choice = "dark") -> None:
    """Dress the application; callable again to change the theme. ``system`` follows the desktop."""
    prepare(app, theme)
    _show(tokens(theme))


def _show(shown: Tokens) -> None:
    app = QApplication.instance()
    if _theme is None or not isinstance(app, QApplication):
        return
    _theme.shown = shown
    app.setPalette(palette(shown))
    app.setStyleSheet(style_sheet(shown))
    QToolTip.setPalette(palette(shown))
    QToolTip.setFont(base_font(12))
    for window in app.topLevelWidgets():
        for item in (window, *window.findChildren(QObject)):
            if item.property(_ICON_PROPERTY):
                _refresh_icon(item)


def base_font(pixels: int = 13) -> QFont:
    """Inter where it is installed, else the desktop's own font; digits of equal width."""
    font = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
    if "Inter" in QFontDatabase.families():
        font.setFamily("Inter")
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def palette(shown: Tokens) -> QPalette:
    """The Qt palette, for what paints itself without the style sheet."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    for key, token in (
        (role.Window, "panel"),
        (role.WindowText, "text"),
        (role.Base, "control"),
        (role.AlternateBase, "panel"),
        (role.Text, "text"),
        (role.PlaceholderText, "secondary"),
        (role.Button, "control"),
        (role.ButtonText, "text"),
        (role.BrightText, "error"),
        (role.ToolTipBase, "hover"),
        (role.ToolTipText, "text"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "on_accent"),
        (role.Accent, "accent"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.Light, "hover"),
        (role.Midlight, "line"),
        (role.Mid, "line"),
        (role.Dark, "window"),
        (role.Shadow, "canvas"),
    ):
        result.setColor(key, shown.color(token))
    for key in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(group.Disabled, key, shown.color("faint"))
    result.setColor(group.Disabled, role.Highlight, shown.color("line"))
    return result


def style_sheet(shown: Tokens) -> str:
    """``resources/style/latentlab.qss`` with every ``@token`` replaced; KeyError names an unknown one.

    ``@glyphs`` is the folder of the arrows and check marks that the style sheet itself paints.
    """
    text = resource("style", "latentlab.qss").read_text(encoding="utf-8")
    values = {f.name: getattr(shown, f.name) for f in fields(shown) if f.name not in ("name", "series")}
    values["glyphs"] = resource("style", shown.name).as_posix()
    return re.sub(r"@([a-z_]+)", lambda match: values[match.group(1)], text)


# --- icons -------------------------------------------------------------------------------------------------

_ICON_PROPERTY, _ROLE_PROPERTY = "latentlab_icon", "latentlab_icon_role"


def icon(name: str, role: str = "text") -> QIcon:
    """``resources/icons/<name>.svg`` in the colour of the token `role`: "text", "secondary", "on_accent", ...

    The disabled variant is faint. The colours are those of the theme now shown: `set_icon` keeps up with it.
    """
    return _icon(name, getattr(current(), role), current().faint)


def set_icon(target: QObject, name: str, role: str = "text") -> None:
    """Give a button or an action (anything with setIcon) an icon that follows the theme."""
    target.setProperty(_ICON_PROPERTY, name)
    target.setProperty(_ROLE_PROPERTY, role)
    _refresh_icon(target)


def _refresh_icon(target: QObject) -> None:
    made = icon(str(target.property(_ICON_PROPERTY)), str(target.property(_ROLE_PROPERTY)))
    target.setIcon(made)  # type: ignore[attr-defined]


@lru_cache(maxsize=256)
def _icon(name: str, color: str, disabled: str) -> QIcon:
    result = QIcon()
    for mode, ink in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        drawing = _drawing(name, ink)
        for size in ICON_SIZES:
            result.addPixmap(_painted(drawing, size), mode)
    return result


def render_icon(name: str, color: str, size: int) -> QPixmap:
    """An icon as a square pixmap of `size` device pixels, its ``currentColor`` being `color`."""
    return _painted(_drawing(name, color), size)


def _drawing(name: str, color: str) -> QSvgRenderer:
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    return QSvgRenderer(QByteArray(source.encode()))


def _painted(drawing: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    drawing.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


# --- dynamic properties ------------------------------------------------------------------------------------


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the style sheet asks for (`role`, `primary`, `flat`) and let it take effect."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        widget.update()
