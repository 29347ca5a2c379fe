"""What an exported grid shows and how it is laid out: the forms of a source and of the layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.config import kept, parse
from latentlab.core.errors import ConfigError
from latentlab.export.layout import Layout
from latentlab.run.grids import GRIDS
from latentlab.ui import theme
from latentlab.ui.widgets.fields import choice_field
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import Sentence, heading, rule

#: Of an entry: whether it is greyed.
GREYED = Qt.ItemDataRole.UserRole + 1


class GridSettings(QWidget):
    """A source of GRIDS with its settings, and a Layout. Each source keeps its own while another is shown."""

    source_changed = Signal()  # another one
    settings_changed = Signal()  # of the source
    layout_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, dict[str, Any]] = {}  # by source
        self.source = choice_field("export_source", "Pictures", "What the tiles show.")
        for key, kind in GRIDS.items():
            self.source.addItem(kind.title, key)
        self.source.setItemDelegate(_Greying(self.source))
        self.about = Sentence("export_about", "secondary")
        self.obstacle = Sentence("export_obstacle", "obstacle")
        self.form = ConfigForm("export", strict=True)
        self.source_problem = Sentence("export_source_problem", "error")
        self.layout_form = ConfigForm("export", strict=True)
        self.layout_form.setObjectName("export_layout_form")
        self.layout_problem = Sentence("export_layout_problem", "error")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 12, 8)
        column.setSpacing(8)
        for widget in (
            heading("Pictures"),
            self.source,
            self.about,
            self.obstacle,
            self.form,
            self.source_problem,
            rule(),
            heading("Layout"),
            self.layout_form,
            self.layout_problem,
        ):
            column.addWidget(widget)
        column.addStretch(1)
        self.source.currentIndexChanged.connect(self._on_source_chosen)
        self.form.changed.connect(self._on_settings_changed)
        self.form.refused.connect(self.source_problem.say)
        self.layout_form.changed.connect(self.layout_changed)
        self.layout_form.refused.connect(self.layout_problem.say)

    @property
    def key(self) -> str:
        """The source's."""
        return str(self.source.currentData())

    def values(self) -> dict[str, Any]:
        """The settings of the source, as the form has them: `run.grids.make` checks them."""
        return self.form.values()

    def all_values(self) -> dict[str, dict[str, Any]]:
        """The settings of every source that has some, by its key."""
        return self._values

    def layout_values(self) -> dict[str, Any]:
        """What the form of the layout says."""
        return self.layout_form.values()

    def arrangement(self) -> Layout | None:
        """The layout; None, with a sentence beside it, where it is not allowed."""
        try:
            wanted = parse(Layout, self.layout_values(), "Layout")
        except ConfigError as error:
            self.layout_problem.say(str(error))
            return None
        self.layout_problem.say("")
        return wanted

    def begin_with(
        self, source: str, sources: Mapping[str, Mapping[str, Any]], layout: Mapping[str, Any]
    ) -> None:
        """Show these settings, without a signal; what of them is no longer allowed is at its default."""
        self._values = {key: dict(values) for key, values in sources.items()}
        self.layout_form.set_config(Layout, kept(Layout, layout).model_dump())
        _watch_typing(self.layout_form, self.layout_changed.emit)
        was_blocked = self.source.blockSignals(True)
        self.source.setCurrentIndex(self.source.findData(source))
        self.source.blockSignals(was_blocked)
        self._show_source()

    def show_obstacles(self, obstacle: Callable[[str], str]) -> None:
        """Grey what cannot be made now; `obstacle` gives the reason for a source, or ""."""
        for index in range(self.source.count()):
            key = self.source.itemData(index)
            reason = obstacle(key)
            self.source.setItemData(index, bool(reason), GREYED)
            self.source.setItemData(index, reason or GRIDS.get(key).about, Qt.ItemDataRole.ToolTipRole)
            if key == self.key:
                self.obstacle.say(reason)

    def show_problem(self, place: str, sentence: str) -> None:
        """What is wrong with the "source" or the "layout", beside it; ("", "") for nothing."""
        self.source_problem.say(sentence if place == "source" else "")
        self.layout_problem.say(sentence if place == "layout" else "")
        for name in GRIDS.get(self.key).Config.model_fields:  # the one that the sentence is of
            wrong = place == "source" and sentence.startswith((f"{self.key}.{name}:", f"{name}:"))
            theme.set_property(self.form.field(name), "invalid", wrong)

    def _on_source_chosen(self) -> None:
        self._show_source()
        self.source_changed.emit()

    def _show_source(self) -> None:
        kind = GRIDS.get(self.key)
        self.about.say(kind.about)
        self.form.set_config(kind.Config, kept(kind.Config, self._values.get(self.key, {})).model_dump())
        self.form.setVisible(bool(kind.Config.model_fields))
        _watch_typing(self.form, self._on_settings_changed)
        before: QWidget = self.source
        for (
            name
        ) in kind.Config.model_fields:  # the form would put them behind the layout, which was there before
            field = self.form.field(name)
            QWidget.setTabOrder(before, field)
            before = field

    def _on_settings_changed(self) -> None:
        self._values[self.key] = self.form.values()
        self.settings_changed.emit()


class _Greying(QStyledItemDelegate):
    """Paints some entries as if they were disabled; they can be chosen, and then say what they lack."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        if index.data(GREYED):
            option.state &= ~QStyle.StateFlag.State_Enabled


def _watch_typing(form: ConfigForm, changed: Callable[[], Any]) -> None:
    """Texts are shown while they are typed; the form tells of them only when that is over."""
    assert form.config_cls is not None
    for name in form.config_cls.model_fields:
        field = form.field(name)
        if type(field) is QLineEdit:
            field.textEdited.connect(lambda _: changed())
