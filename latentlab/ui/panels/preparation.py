"""What the form of the Dataset dock makes of a few images, before they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from latentlab.ui.session import Session
from latentlab.ui.widgets.before_after import BeforeAfter
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.form_section import FormSection
from latentlab.ui.widgets.labels import ElidedLabel, Sentence, plain_tooltip

if TYPE_CHECKING:
    from latentlab.run.preparing import PreparationPreview

#: Images without variants beside them, and with.
COUNT, COUNT_AUGMENTED = 6, 4
FOLD = "dataset:Preview"
CHANNELS = {1: "grey", 3: "colour", 4: "colour with alpha"}


class PreparationPanel(QWidget):
    """A heading that unfolds a few images before and after; they follow the form while it is open.

    `choice` gives the source's key and its settings, as the form has them now; None while none is chosen.
    """

    def __init__(
        self,
        session: Session,
        choice: Callable[[], tuple[str, Mapping[str, Any]] | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._choice, self._seed = session, choice, 0
        self._preview: PreparationPreview | None = None
        self._large: LargePreview | None = None
        self.fold = FormSection("dataset", "Preview", "images")
        self.fold.setChecked(FOLD in session.settings.open_groups)
        self.pictures = BeforeAfter()
        self.pictures.setObjectName("dataset_preview")
        self.pictures.setAccessibleName("Images before and after their preparation; press to enlarge")
        self.pictures.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.pictures.setCursor(Qt.CursorShape.PointingHandCursor)
        self.about = ElidedLabel("", role="secondary")
        self.about.setObjectName("dataset_preview_about")
        self.problem = Sentence("dataset_preview_problem", "obstacle")
        self.other = push_button("dataset_preview_other", "", "Show other images.", "dice", flat=True)
        self.below = QWidget()
        below = QHBoxLayout(self.below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(4)
        below.addWidget(self.about, 1)
        below.addWidget(self.other)
        self.content = QWidget()
        inside = QVBoxLayout(self.content)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        for widget in (self.pictures, self.problem):
            inside.addWidget(widget)
        inside.addWidget(self.below)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.fold)
        layout.addWidget(self.content)
        self._say_problem("")
        self.content.setVisible(self.fold.isChecked())

        self.fold.toggled.connect(self._on_toggled)
        self.other.clicked.connect(self._on_other)
        self.pictures.clicked.connect(self._on_enlarge)
        session.preparation.shown.connect(self._on_shown)
        session.preparation.failed.connect(self._on_failed)
        session.preparation.said.connect(self._on_said)
        session.preparation.busy_changed.connect(self._on_busy_changed)

    def refresh(self, soon: bool = False) -> None:
        """The choice is another one; ask `soon` where a person is done with it."""
        if not self.fold.isChecked():
            return
        choice = self._choice()
        if choice is None:
            self._session.preparation.forget()
            self._on_failed("Choose a folder or a file of images first.")
            return
        key, values = choice
        augmented = any(
            value not in (0, "none") for name, value in values.items() if name.startswith("augment_")
        )
        self._session.preparation.ask(key, values, COUNT_AUGMENTED if augmented else COUNT, self._seed, soon)

    def _on_toggled(self, is_open: bool) -> None:
        self.content.setVisible(is_open)
        others = [name for name in self._session.settings.open_groups if name != FOLD]
        self._session.remember(open_groups=(*others, *([FOLD] if is_open else [])))
        if is_open:
            self.refresh(soon=True)
        else:
            self._session.preparation.forget()

    def _on_other(self) -> None:
        self._seed += 1
        self.refresh(soon=True)

    def _on_enlarge(self) -> None:
        if self._large is None:
            self._large = LargePreview(self)
            self._large.finished.connect(self._on_large_closed)
        self._large.show_preview(self._preview, self.about.text())
        self._large.show()
        self._large.raise_()

    def _on_large_closed(self) -> None:
        self._large = None

    def _on_busy_changed(self, busy: bool) -> None:
        if busy:
            self.about.setText("Preparing…")
        elif self.about.text().endswith("…"):  # nothing came of it
            self.about.setText("" if self._preview is None else _about(self._preview))

    def _on_said(self, what: str) -> None:
        self.about.setText(f"{what}…")

    def _on_shown(self, preview: PreparationPreview) -> None:
        self._preview = preview
        self.pictures.set_preview(preview)
        self._say_problem("")
        self.about.setText(_about(preview))
        if self._large is not None:
            self._large.show_preview(preview, _about(preview))
        unread = "\n".join(f"{entry.path}: {entry.reason}" for entry in preview.skipped)
        self.about.setToolTip(plain_tooltip(f"{_about(preview)}\n{unread}".strip()))

    def _on_failed(self, sentence: str) -> None:
        self._preview = None
        self.pictures.set_preview(None)
        if self._large is not None:
            self._large.show_preview(None, sentence)
        self._say_problem(sentence)
        self.about.setText("")
        self.about.setToolTip("")

    def _say_problem(self, sentence: str) -> None:
        self.problem.say(sentence)
        for widget in (self.pictures, self.below):
            widget.setVisible(not sentence)


class LargePreview(QDialog):
    """The same images, as large as the window is made; it follows the dock. Not modal."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("dataset_preview_large")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Before and after")
        self.resize(760, 640)
        self.pictures = BeforeAfter(most=512)
        self.pictures.setAccessibleName("Images before and after their preparation")
        self.about = ElidedLabel("", role="secondary")
        scroll = QScrollArea()
        scroll.setWidget(self.pictures)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        scroll.setAccessibleName("Before and after")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.about)

    def show_preview(self, preview: PreparationPreview | None, about: str) -> None:
        """Show these images with a line about them, or why there are none."""
        self.pictures.set_preview(preview)
        self.about.setText(about)


def _about(preview: PreparationPreview) -> str:
    _, channels, height, width = preview.prepared.shape
    parts = [f"{width}×{height}", CHANNELS[channels]]
    if not preview.settled:
        parts.append("as these were found")
    if preview.skipped:
        parts.append(f"{len(preview.skipped)} cannot be read")
    return " · ".join(parts)
