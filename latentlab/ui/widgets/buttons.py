"""Buttons: a stable name, a spoken name, a tooltip, and an icon that follows the theme."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton

from latentlab.ui import theme


def push_button(
    name: str, text: str, tooltip: str, icon: str = "", *, flat: bool = False, primary: bool = False
) -> QPushButton:
    """`name` is the objectName. Without `text` the tooltip's first sentence is what screen readers say."""
    button = QPushButton(text)
    button.setObjectName(name)
    button.setAccessibleName(text or tooltip.rstrip(".…"))
    button.setToolTip(tooltip)
    button.setProperty("flat", flat)
    button.setProperty("primary", primary)
    if icon:
        theme.set_icon(button, icon, "on_accent" if primary else "text")
    return button


def set_primary(button: QPushButton, primary: bool) -> None:
    """Let a button stand out, or not."""
    if button.property("primary") != primary:
        button.setProperty("primary", primary)
        button.style().unpolish(button)
        button.style().polish(button)
