"""A form for any Config: one row per setting, in groups that fold, with a mark where it leaves the preset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from latentlab.core.config import Config, FieldSpec, describe
from latentlab.ui import wording
from latentlab.ui.widgets.form_row import Row
from latentlab.ui.widgets.form_section import FormSection

CONTROL_WIDTH = 126


class ConfigForm(QWidget):
    """Shows and edits the values of a Config class.

    Rows are named ``<prefix>_<field>``. `changed` carries the field's name and comes only from a person's
    edits; `settled` follows where they are done with it: Enter, another field, a choice. Values go in and
    come out unchanged. `skip` names fields without a row; `values` still has them. Where `strict`, numbers
    out of range are refused, and `refused` says so in a sentence.

    Settings without a group come first; every group has a heading that folds it, and begins folded. Where
    `telling`, a heading says which of its settings are not what they are by default.
    """

    changed = Signal(str)
    settled = Signal(str)
    refused = Signal(str)
    group_toggled = Signal(str, bool)  # the group's heading, whether it is open

    def __init__(
        self,
        prefix: str,
        parent: QWidget | None = None,
        *,
        skip: Iterable[str] = (),
        strict: bool = False,
        open_groups: Iterable[str] = (),
        telling: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{prefix}_form")
        self.prefix = prefix
        self.skip: set[str] = set(skip)
        self.strict = strict
        self.telling = telling
        self.config_cls: type[Config] | None = None
        self._rows: dict[str, Row] = {}
        self._sections: dict[str, FormSection] = {}
        self._open = set(open_groups)
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
        self._clear()
        self.config_cls = config_cls
        specs = describe(config_cls)
        # A family's further fields come after those it shares: their order among groups is the form's matter.
        groups = sorted(dict.fromkeys(spec.group for spec in specs), key=bool)
        line = 0
        for group in groups:
            mine = [spec for spec in specs if spec.group == group and spec.name not in self.skip]
            if group and mine:
                self._add_section(group, line)
                line += 1
            for spec in mine:
                self._rows[spec.name] = self._build(spec, line)
                line += 1
        self._others = {spec.name: spec.default for spec in specs if spec.name in self.skip}
        for group, section in self._sections.items():
            self._show_group(group, section.isChecked())
        self._order_tabs()
        self.set_values(values or {})

    def values(self) -> dict[str, Any]:
        """Every field by name, half-typed text in a field included."""
        return {name: row.value() for name, row in self._rows.items()} | self._others

    def held(self) -> dict[str, Any]:
        """Every field by name, without what is half typed: nothing changes under a person's hands."""
        return {name: row.held for name, row in self._rows.items()} | self._others

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
        self._rows[name].lock(not enabled, reason)

    def set_hint_of_fixed(self, hint: str) -> None:
        """What the tooltips of settings that no training can take over say besides; "" for nothing."""
        for row in self._rows.values():
            row.set_hint("" if row.spec.live else hint)

    def differing(self) -> tuple[str, ...]:
        """The fields that carry a dot."""
        return tuple(name for name, row in self._rows.items() if row.dot.on)

    def _build(self, spec: FieldSpec, line: int) -> Row:
        row = Row(spec, strict=self.strict)
        row.control.setObjectName(f"{self.prefix}_{spec.name}")
        row.control.setAccessibleName(spec.title)
        row.control.setAccessibleDescription(spec.help)
        row.label.setBuddy(row.control)
        row.connect_edits(lambda: self._on_edited(spec.name), lambda: self.settled.emit(spec.name))
        row.connect_refusals(self.refused.emit)
        # A control without a parent would be a window for a moment.
        for column, widget in enumerate(row.widgets):
            self._grid.addWidget(widget, line, column)
        return row

    def _add_section(self, group: str, line: int) -> None:
        section = FormSection(self.prefix, group)
        section.setChecked(group in self._open)
        self._grid.addWidget(section, line, 0, 1, 3)
        self._grid.addWidget(section.dot, line, 1)
        section.toggled.connect(lambda on: self._on_section_toggled(group, on))
        self._sections[group] = section

    def _order_tabs(self) -> None:
        """Rows that come later than the rest of the window are reached with Tab where they stand."""
        before = self.previousInFocusChain()
        while before is not None and before is not self and before.focusPolicy() == Qt.FocusPolicy.NoFocus:
            before = before.previousInFocusChain()
        # Not by the grid's items: Python would keep theirs when Qt is done with them, and take what comes to
        # lie in their place for them.
        for widget in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if before is not None and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                QWidget.setTabOrder(before, widget)
                before = widget

    def _clear(self) -> None:
        for row in self._rows.values():
            row.discard()
        for section in self._sections.values():
            for widget in (section, section.dot):
                widget.setObjectName("")
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        self._rows, self._sections, self._others, self._baseline = {}, {}, {}, None

    def _on_section_toggled(self, group: str, on: bool) -> None:
        (self._open.add if on else self._open.discard)(group)
        self._show_group(group, on)
        self.group_toggled.emit(group, on)

    def _show_group(self, group: str, on: bool) -> None:
        for row in self._rows.values():
            if row.spec.group == group:
                row.set_visible(on)

    def _on_edited(self, name: str) -> None:
        if self._rows[name].edited():
            self._mark()
            self.changed.emit(name)

    def _mark(self) -> None:
        """Bring up to date what depends on values: dots, and what is greyed because it has no effect."""
        held = self.held()
        for name, row in self._rows.items():
            preset = (self._baseline or {}).get(name, row.held)
            row.mark(row.held != preset, preset)
            if row.spec.only and self.config_cls is not None:
                row.set_condition(wording.condition(row.spec, held, self.config_cls))
        for group, section in self._sections.items():
            mine = [row for row in self._rows.values() if row.spec.group == group]
            section.set_differing(tuple(row.spec.title for row in mine if row.dot.on))
            if self.telling:
                section.set_told(
                    ", ".join(
                        f"{wording.inside(row.spec.title)} {wording.value_text(row.spec, row.held)}"
                        for row in mine
                        if row.held != row.spec.default
                    )
                )
