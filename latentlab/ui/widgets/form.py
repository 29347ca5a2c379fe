"""A form for any Config: one row per setting, with bounds, unit, and a mark where it leaves the preset."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QSizePolicy, QWidget

from latentlab.core.config import Config, FieldSpec, describe, expectation
from latentlab.ui import theme
from latentlab.ui.widgets.fields import INT_LIMIT, ChoiceField, FloatField, IntField, format_float
from latentlab.ui.widgets.labels import ElidedLabel

CONTROL_WIDTH = 112


class ConfigForm(QWidget):
    """Shows and edits the values of a Config class.

    Rows are named ``<prefix>_<field>``. `changed` carries the field's name and comes only from a person's
    edits. Values go in and come out unchanged. `skip` names fields without a row; `values` still has them.
    """

    changed = Signal(str)

    def __init__(self, prefix: str, parent: QWidget | None = None, *, skip: Iterable[str] = ()) -> None:
        super().__init__(parent)
        self.setObjectName(f"{prefix}_form")
        self.prefix = prefix
        self.skip: set[str] = set(skip)
        self.config_cls: type[Config] | None = None
        self._rows: dict[str, Row] = {}
        self._others: dict[str, Any] = {}
        self._baseline: dict[str, Any] | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, 3)
        self._grid.setColumnStretch(2, 2)
        self._grid.setColumnMinimumWidth(2, CONTROL_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def set_config(self, config_cls: type[Config], values: Mapping[str, Any] | None = None) -> None:
        """Build the rows of `config_cls`, filled with `values` over its defaults. Forgets the baseline."""
        for row in self._rows.values():
            row.discard()
        self.config_cls = config_cls
        self._rows, self._others, self._baseline = {}, {}, None
        for spec in describe(config_cls):
            if spec.name in self.skip:
                self._others[spec.name] = spec.default
            else:
                self._rows[spec.name] = self._build(spec, len(self._rows))
        self.set_values(values or {})

    def values(self) -> dict[str, Any]:
        """Every field by name, half-typed text in a field included."""
        return {name: row.value() for name, row in self._rows.items()} | self._others

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show `values`; fields not in it stay. Emits nothing. KeyError names a field that is not known."""
        for name, value in values.items():
            if name in self._rows:
                self._rows[name].show_value(value)
            elif name in self._others:
                self._others[name] = value
            else:
                raise KeyError(name)
        self._mark()

    def set_baseline(self, values: Mapping[str, Any] | None) -> None:
        """The preset's values: rows that differ from them get an accent dot. None takes the dots away."""
        self._baseline = None if values is None else dict(values)
        self._mark()

    def field(self, name: str) -> QWidget:
        """The control of a field."""
        return self._rows[name].control

    def set_field_enabled(self, name: str, enabled: bool, reason: str = "") -> None:
        """Lock a row while its setting cannot change; `reason` is added to its tooltip."""
        row = self._rows[name]
        row.label.setEnabled(enabled)
        row.control.setEnabled(enabled)
        text = row.tooltip if enabled or not reason else f"{row.tooltip}\n{reason}"
        row.label.setToolTip(text)
        row.control.setToolTip(text)

    def differing(self) -> tuple[str, ...]:
        """The fields that carry a dot."""
        return tuple(name for name, row in self._rows.items() if row.dot.on)

    def _build(self, spec: FieldSpec, index: int) -> Row:
        row = Row(spec)
        row.control.setObjectName(f"{self.prefix}_{spec.name}")
        row.control.setAccessibleName(spec.title)
        row.control.setAccessibleDescription(spec.help)
        row.label.setBuddy(row.control)
        row.connect_edits(lambda: self._on_edited(spec.name))
        # A control without a parent would be a window for a moment.
        for column, widget in enumerate((row.label, row.dot, row.control)):
            self._grid.addWidget(widget, index, column)
        return row

    def _on_edited(self, name: str) -> None:
        if self._rows[name].edited():
            self._mark()
            self.changed.emit(name)

    def _mark(self) -> None:
        for name, row in self._rows.items():
            differs = self._baseline is not None and name in self._baseline
            preset = self._baseline[name] if differs and self._baseline else None
            row.dot.set_on(differs and row.held != preset, row.text_of(preset))


class Dot(QWidget):
    """A small accent dot beside what differs from the preset; keeps its room when off."""

    def __init__(self) -> None:
        super().__init__()
        self.on = False
        self.setFixedWidth(8)

    def set_on(self, on: bool, preset: str = "") -> None:
        self.on = on
        self.setToolTip(f"The preset says {preset}" if on else "")
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
    """Label, dot and control of one field, and the exact value it holds."""

    def __init__(self, spec: FieldSpec) -> None:
        self.spec = spec
        self.label = ElidedLabel(spec.title)
        self.label.setProperty("role", "field")
        self.tooltip = _tooltip(spec)
        self.dot = Dot()
        self.control = _control(spec)
        self.label.setToolTip(self.tooltip)
        self.control.setToolTip(self.tooltip)
        self.held: Any = spec.default
        self.show_value(spec.default)

    def value(self) -> Any:
        """The value now, after reading what may be half typed."""
        if isinstance(self.control, IntField | FloatField) and self.control.hasFocus():
            self.control.interpretText()
        self.edited()
        return self.held

    def show_value(self, value: Any) -> None:
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
        assert isinstance(control, QLineEdit)
        return control.text()

    def connect_edits(self, slot: Any) -> None:
        control = self.control
        if isinstance(control, IntField | FloatField):
            control.valueChanged.connect(slot)
        elif isinstance(control, QCheckBox):
            control.toggled.connect(slot)
        elif isinstance(control, ChoiceField):
            control.currentIndexChanged.connect(slot)
        elif isinstance(control, QLineEdit):
            control.editingFinished.connect(slot)

    def text_of(self, value: Any) -> str:
        """How a value reads in a sentence."""
        spec = self.spec
        if spec.kind == "choice":
            return spec.label(value)
        if spec.kind == "bool":
            return "on" if value else "off"
        if spec.kind in ("int", "float") and value is not None:
            if value == 0 and spec.zero:
                return spec.zero
            number = str(value) if spec.kind == "int" else format_float(value)
            return f"{number} {spec.unit}".strip()
        return str(value)

    def discard(self) -> None:
        for widget in (self.label, self.dot, self.control):
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
    return QLineEdit()


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
    if spec.kind not in ("int", "float"):
        return spec.help
    allowed = expectation(spec)
    unit = f" {spec.unit}" if spec.unit else ""
    zero = f"; 0 means {spec.zero}" if spec.zero else ""
    return f"{spec.help}\n{allowed[0].upper()}{allowed[1:]}{unit}{zero}.".strip()
