"""One row of a form: label, dot and control of a setting, the exact value it holds, and why it is greyed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from latentlab.core.config import FieldSpec, expectation
from latentlab.ui import theme
from latentlab.ui.widgets.colour_field import ColourField
from latentlab.ui.widgets.fields import INT_LIMIT, ChoiceField, FloatField, IntField
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.wording import value_text

_NOTHING = object()


class Dot(QWidget):
    """A small accent dot beside what differs from the preset; keeps its room when off."""

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.setFixedWidth(8)

    def set_on(self, on: bool, tooltip: str = "") -> None:
        self.on = on
        self.setToolTip(tooltip if on else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(8, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.on:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.current().color("accent"))
            painter.drawEllipse(self.rect().toRectF().center(), 2.5, 2.5)


class Row:
    """Label, dot and control of one field, and the exact value it holds.

    With `strict` a number out of range is refused (see `fields`) rather than moved to the nearer end.
    """

    def __init__(self, spec: FieldSpec, *, strict: bool = False) -> None:
        self.spec = spec
        self.label = ElidedLabel(spec.title)
        self.label.setProperty("role", "field")
        self.dot = Dot()
        self.control = _control(spec)
        if isinstance(self.control, IntField | FloatField):
            self.control.strict = strict
        self._lock = self._condition = self._hint = ""
        self._locked = False
        self._show_state()
        self.held: Any = _NOTHING
        self.show_value(spec.default)

    @property
    def widgets(self) -> tuple[QWidget, QWidget, QWidget]:
        return self.label, self.dot, self.control

    def value(self) -> Any:
        """The value now, after reading what may be half typed."""
        if isinstance(self.control, IntField | FloatField) and self.control.hasFocus():
            self.control.interpretText()
        self.edited()
        return self.held

    def show_value(self, value: Any) -> None:
        """Show `value`; what is being typed over that same value stays."""
        if type(value) is type(self.held) and value == self.held:
            return
        control = self.control
        was_blocked = control.blockSignals(True)
        if isinstance(control, IntField):
            control.setValue(int(value))
        elif isinstance(control, FloatField):
            control.setValue(float(value))
        elif isinstance(control, QCheckBox):
            control.setChecked(bool(value))
        elif isinstance(control, ChoiceField):
            control.setCurrentIndex(self.spec.choices.index(value))
        elif isinstance(control, ColourField):
            control.set_colour(str(value))
        elif isinstance(control, QLineEdit):
            control.setText("" if value is None else str(value))
        control.blockSignals(was_blocked)
        self.held, self._as_shown = value, self._shown()

    def edited(self) -> bool:
        """Take over what the control says; whether it is new. An untouched control keeps the value it got."""
        shown = self._shown()
        if shown == self._as_shown:
            return False
        self.held = self._as_shown = shown
        return True

    def _shown(self) -> Any:
        control = self.control
        if isinstance(control, IntField):
            return control.value()
        if isinstance(control, FloatField):
            return control.exact()
        if isinstance(control, QCheckBox):
            return control.isChecked()
        if isinstance(control, ChoiceField):
            return self.spec.choices[control.currentIndex()]
        if isinstance(control, ColourField):
            return control.colour()
        assert isinstance(control, QLineEdit)
        return control.text()

    def connect_edits(self, edited: Callable[[], None], settled: Callable[[], None]) -> None:
        """Call `edited` at every new value, and `settled` where a person is done with the field."""
        control = self.control
        if isinstance(control, IntField | FloatField):
            control.valueChanged.connect(edited)
            control.editingFinished.connect(settled)
        else:
            for slot in (edited, settled):
                if isinstance(control, QCheckBox):
                    control.toggled.connect(slot)
                elif isinstance(control, ChoiceField):
                    control.currentIndexChanged.connect(slot)
                elif isinstance(control, QLineEdit):
                    control.editingFinished.connect(slot)

    def connect_refusals(self, refused: Callable[[str], None]) -> None:
        """Call `refused` with a sentence where a number is out of range; for strict rows."""
        spec = self.spec
        if isinstance(self.control, IntField | FloatField):
            self.control.refused.connect(
                lambda value: refused(
                    f"{spec.title}: {value:.15g} is not allowed; expected {expectation(spec)}."
                )
            )

    # Why it is greyed, and what its tooltip adds

    def lock(self, locked: bool, reason: str = "") -> None:
        """Grey it while its setting cannot change."""
        self._locked, self._lock = locked, reason if locked else ""
        self._show_state()

    def set_condition(self, unmet: str) -> None:
        """Grey it while it has no effect; `unmet` says with what it would have one."""
        if unmet != self._condition:
            self._condition = unmet
            self._show_state()

    def set_hint(self, hint: str) -> None:
        """A further sentence of the tooltip."""
        if hint != self._hint:
            self._hint = hint
            self._show_state()

    def _show_state(self) -> None:
        reasons = (_tooltip(self.spec), self._condition, self._lock, self._hint)
        text = "\n".join(reason for reason in reasons if reason)
        for widget in (self.label, self.control):
            widget.setEnabled(not self._locked and not self._condition)
        self.label.setToolTip(f"{self.spec.title}\n{text}")  # whole, where the label has no room for it
        self.control.setToolTip(text)

    def mark(self, differs: bool, preset: Any = None) -> None:
        """The dot of what differs from the preset."""
        self.dot.set_on(differs, f"The preset says {value_text(self.spec, preset)}")

    def set_visible(self, visible: bool) -> None:
        for widget in self.widgets:
            widget.setVisible(visible)

    def discard(self) -> None:
        for widget in self.widgets:
            # The name must be free at once for the row that may follow; deletion waits for the event loop.
            widget.setObjectName("")
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()


def _control(spec: FieldSpec) -> QWidget:
    if spec.kind == "int":
        return _int_field(spec)
    if spec.kind == "float":
        return _float_field(spec)
    if spec.kind == "bool":
        return QCheckBox()
    if spec.kind == "choice":
        choice = ChoiceField()
        for item in spec.choices:
            choice.addItem(spec.label(item), item)
        return choice
    if spec.kind == "colour":
        return ColourField(spec.title)
    text = QLineEdit()
    text.setPlaceholderText(spec.zero)
    return text


def _bounds(spec: FieldSpec) -> tuple[float, float]:
    low = -math.inf if spec.minimum is None else spec.minimum
    return low, math.inf if spec.maximum is None else spec.maximum


def _int_field(spec: FieldSpec) -> IntField | FloatField:
    low, high = _bounds(spec)
    if low < -INT_LIMIT or high > INT_LIMIT:  # more than Qt's own spin box holds
        return FloatField(minimum=low, maximum=high, integral=True, unit=spec.unit, word=spec.zero)
    return IntField(minimum=int(low), maximum=int(high), log=spec.log, unit=spec.unit, word=spec.zero)


def _float_field(spec: FieldSpec) -> FloatField:
    low, high = _bounds(spec)
    field = FloatField(minimum=low, maximum=high, log=spec.log, unit=spec.unit, word=spec.zero)
    if spec.minimum is not None and spec.maximum is not None and spec.maximum > spec.minimum:
        # About a hundredth of the range, on a round number: 0..1 steps by 0.01, 0..10 by 0.1.
        field.setSingleStep(10.0 ** math.floor(math.log10((spec.maximum - spec.minimum) / 100) + 1e-9))
    else:
        field.setSingleStep(0.1)
    return field


def _tooltip(spec: FieldSpec) -> str:
    if spec.kind == "colour":
        return f"{spec.help}\nAlt+Down opens a palette."
    if spec.kind not in ("int", "float"):
        return spec.help
    allowed = expectation(spec)
    unit = f" {spec.unit}" if spec.unit else ""
    zero = f"; 0 means {spec.zero}" if spec.zero else ""
    return f"{spec.help}\n{allowed[0].upper()}{allowed[1:]}{unit}{zero}.".strip()
