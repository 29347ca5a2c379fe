"""Number fields and choices that keep exact values and leave the wheel to the page around them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLocale, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QFocusEvent, QPaintEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

# A mixin may not itself derive from a Qt class; for the type checker it does.
if TYPE_CHECKING:

    class _Base(QAbstractSpinBox):
        def prefix(self) -> str: ...
        def suffix(self) -> str: ...
        def value(self) -> Any: ...
        def minimum(self) -> Any: ...
        def maximum(self) -> Any: ...
        def textFromValue(self, value: Any) -> str: ...

        refused: SignalInstance

else:
    _Base = object

#: Digits behind the point that QDoubleSpinBox rounds to: enough that no double above 1e-40 changes.
EXACT_DECIMALS = 60
INT_LIMIT = 2**31 - 1
#: Where a logarithmic field that may be 0 begins.
SMALLEST_STEP = 1e-6
#: Integers up to here are exact as doubles.
EXACT_INTEGER = float(2**53)


def format_float(value: float) -> str:
    """The shortest text that reads back as exactly `value`: 0.0002 is "2e-4", 1.0 is "1", 0.25 is "0.25"."""
    if value == 0:
        return "0"
    text = repr(float(value))
    if 1e-3 <= abs(value) < 1e7:
        return text.removesuffix(".0")
    mantissa, _, exponent = (text if "e" in text else _scientific(text)).partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _scientific(text: str) -> str:
    digits = len(text.replace("-", "").replace(".", "").strip("0")) or 1
    return f"{float(text):.{digits - 1}e}"


def unit_of(value: float, unit: str) -> str:
    """The unit behind a number: "steps", but 1 "step"."""
    return unit[:-1] if value == 1 and len(unit) > 1 and unit.endswith("s") else unit


def measured(digits: str, value: float, unit: str) -> str:
    """A number with its unit: "500 steps", but "15°"."""
    return f"{digits}{'' if unit == '°' else ' '}{unit_of(value, unit)}".strip()


def parse_float(text: str) -> float | None:
    """What a person typed, decimal comma allowed; None if it is no finite number."""
    try:
        value = float(text.strip().replace(",", ".").replace("−", "-").replace(" ", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def next_nice(value: float, up: bool) -> float:
    """The next of 1, 2, 5, 10, 20, ... (and their tenths) above or below a positive `value`."""
    exponent = math.floor(math.log10(value) + 1e-9)
    ladder = [float(f"{m}e{e}") for e in (exponent - 1, exponent, exponent + 1) for m in (1, 2, 5)]
    slack = 1e-9 * value
    if up:
        return min(x for x in ladder if x > value + slack)
    return max(x for x in ladder if x < value - slack)


class _QuietSpin(_Base):
    """What both kinds of number field share; mixed in before the Qt class.

    `unit` stands behind the number ("500 steps"), `word` stands for 0 ("off"). Both are part of the text
    rather than Qt's suffix, because "off steps" is no English; a number typed without the unit is taken too.
    """

    unit = ""
    word = ""
    #: Whether a typed number out of range is refused, and `refused` told of it, instead of moved to the end.
    strict = False

    def _prepare(self) -> None:
        self.setKeyboardTracking(False)
        # WheelFocus, the default, would take the focus and then the wheel from the page being scrolled.
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setLocale(QLocale.c())
        self.setMinimumWidth(64)
        # The style sheet's padding does not reach the line edit inside a spin box.
        self.lineEdit().setTextMargins(5, 0, 4, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # After the click that brought the focus has placed its cursor: the next digit replaces the number.
        QTimer.singleShot(0, self, self.selectAll)

    def _dressed(self, value: float, digits: str) -> str:
        if value == 0 and self.word:
            return self.word
        return measured(digits, value, self.unit)

    def _bare(self, text: str) -> str:
        text = text.strip().removeprefix(self.prefix().strip()).removesuffix(self.suffix().strip())
        return text.strip().removesuffix(self.unit).removesuffix(unit_of(1, self.unit)).strip()

    def _whole(self, text: str) -> str:
        return f"{self.prefix()}{text}{self.suffix()}"

    def _state(self, text: str, value: float | None, low: float, high: float) -> QValidator.State:
        """How far `text` has come towards a number in low..high; `value` is the number it reads as now."""
        bare = self._bare(text)
        if self.word and self.word.startswith(bare):
            return QValidator.State.Acceptable if bare == self.word else QValidator.State.Intermediate
        if value is not None:
            return QValidator.State.Acceptable if low <= value <= high else QValidator.State.Intermediate
        # The unit may be half deleted while someone edits.
        unfinished = set(bare) <= set("+-−0123456789.,eE ") | set(self.unit)
        return QValidator.State.Intermediate if unfinished else QValidator.State.Invalid

    def validate(self, text: str, pos: int) -> Any:
        return self._state(text, self._read(text), self.minimum(), self.maximum()), text, pos

    def fixup(self, text: str) -> str:
        """Out of range goes to the nearer end; what is no number, or refused, goes back to what it was."""
        value = self._read(text)
        if value is not None and self.strict and not self.minimum() <= value <= self.maximum():
            self.refused.emit(value)
            value = None
        value = self.value() if value is None else max(self.minimum(), min(self.maximum(), value))
        return self._whole(self.textFromValue(value))

    def _read(self, text: str) -> Any:
        """The number that `text` is, None where it is none."""
        raise NotImplementedError


class IntField(_QuietSpin, QSpinBox):
    """A whole number within 32 bits. With `log`, a step doubles or halves."""

    refused = Signal(object)  # a typed number out of range

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        minimum: int = -INT_LIMIT,
        maximum: int = INT_LIMIT,
        log: bool = False,
        unit: str = "",
        word: str = "",
    ) -> None:
        super().__init__(parent)
        self.log, self.unit, self.word = log, unit, word
        self._prepare()
        self.setRange(minimum, maximum)

    def textFromValue(self, value: int) -> str:
        return self._dressed(value, str(value))

    def valueFromText(self, text: str) -> int:
        if self.word and self._bare(text) == self.word:
            return 0
        value = self._read(text)
        return self.value() if value is None else value

    def stepBy(self, steps: int) -> None:
        if not self.log:
            super().stepBy(steps)
            return
        self.interpretText()
        value = self.value()
        for _ in range(abs(steps)):
            value = max(1, value * 2) if steps > 0 else value // 2
        self.setValue(max(self.minimum(), min(self.maximum(), value)))

    def _read(self, text: str) -> int | None:
        value = parse_float(self._bare(text))  # so that 1e4 is a whole number too
        return int(value) if value is not None and value == int(value) else None


class FloatField(_QuietSpin, QDoubleSpinBox):
    """A number that is shown in the shortest form that reads back exactly ("2e-4"), or with `shown` decimals.

    The value itself is never rounded to what is shown. With `log`, a step goes along 1, 2, 5, 10. With
    `integral`, only whole numbers are taken (for seeds beyond 32 bits); with `signed`, + is written too.
    """

    refused = Signal(object)  # a typed number out of range

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        minimum: float = -math.inf,
        maximum: float = math.inf,
        log: bool = False,
        integral: bool = False,
        shown: int | None = None,
        signed: bool = False,
        unit: str = "",
        word: str = "",
    ) -> None:
        super().__init__(parent)
        self.log, self.integral, self.shown, self.signed = log, integral, shown, signed
        self.unit, self.word = unit, word
        self._prepare()
        self.setDecimals(EXACT_DECIMALS)
        self.setRange(minimum, maximum)

    def setRange(self, minimum: float, maximum: float) -> None:
        limit = EXACT_INTEGER if self.integral else 1e15
        super().setRange(max(minimum, -limit), min(maximum, limit))

    def exact(self) -> float | int:
        """The value, an int for an integral field."""
        return int(self.value()) if self.integral else self.value()

    def textFromValue(self, value: float) -> str:
        if self.integral:
            return self._dressed(value, str(int(value)))
        if self.shown is None:
            return self._dressed(value, format_float(value))
        text = f"{value:{'+' if self.signed else ''}.{self.shown}f}"
        return self._dressed(value, text if float(text) else f"{0:.{self.shown}f}")

    def valueFromText(self, text: str) -> float:
        # What is shown may be rounded: leaving the field untouched must not round the value too.
        if text == self._whole(self.textFromValue(self.value())):
            return self.value()
        if self.word and self._bare(text) == self.word:
            return 0.0
        value = self._read(text)
        return self.value() if value is None else value

    def stepBy(self, steps: int) -> None:
        self.interpretText()
        if not self.log:
            # Ten digits: 0.1 three times is 0.3, not 0.30000000000000004.
            self.setValue(float(f"{self.value() + steps * self.singleStep():.10g}"))
            return
        value = self.value()
        for _ in range(abs(steps)):
            if value > 0:
                value = next_nice(value, steps > 0)
            elif steps > 0:
                value = self.minimum() if self.minimum() > 0 else SMALLEST_STEP
        self.setValue(0.0 if value < SMALLEST_STEP and self.minimum() <= 0 else value)

    def _read(self, text: str) -> float | None:
        value = parse_float(self._bare(text))
        return None if value is not None and self.integral and value != int(value) else value


def finish_typing() -> None:
    """Let the number field that has the focus take over what is half typed in it."""
    field = QApplication.focusWidget()
    if isinstance(field, QAbstractSpinBox):
        field.interpretText()


class ChoiceField(QComboBox):
    """A combo box that leaves the wheel to the page around it until it has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def showPopup(self) -> None:
        # Long names are cut in the field, but not where a person chooses among them.
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        # Qt decides this when the field is made, for the style of before the style sheet.
        self.view().setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        super().showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        # As Qt does it, but for the text, which Qt would cut off where it does not fit.
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        control, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(control, option, field, self).width()
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room
        )
        painter.drawComplexControl(control, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def choice_field(name: str, spoken: str, tooltip: str) -> ChoiceField:
    """An empty one; `name` is the objectName, `spoken` what screen readers say."""
    field = ChoiceField()
    field.setObjectName(name)
    field.setAccessibleName(spoken)
    field.setToolTip(tooltip)
    return field
