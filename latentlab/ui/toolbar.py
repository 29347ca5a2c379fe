"""The toolbar: presets, training controls, what training is doing, the device, how fast pictures come."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from latentlab.models.device import TITLES
from latentlab.training.events import Done, Progress
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField, finish_typing
from latentlab.ui.widgets.labels import ElidedLabel

STATES = {
    "warming": "Starting up…",
    "idle": "Ready",
    "starting": "Preparing…",
    "running": "Training",
    "paused": "Paused",
    "stopping": "Saving…",
}


#: Pixels from which on there is room for the decoding speed too.
WIDE = 1200


class Toolbar(QWidget):
    """One row above everything. Numbers have room of their own, so that nothing jumps while they tick."""

    open_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolbar")
        self._session = session
        self._run_told = False  # whether the words are those of a run
        self._newest: Progress | None = None
        # Laying out changed words costs more than they say when they tick faster than this.
        self._ticking = QTimer(self)
        self._ticking.setSingleShot(True)
        self._ticking.setInterval(200)

        self.open = push_button("open_dataset", "Open dataset", "Open a folder of images (Ctrl+O)")
        self.preset = ChoiceField()
        self.preset.setObjectName("preset_choice")
        self.preset.setAccessibleName("Preset")
        self.preset.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for preset in session.presets:
            self.preset.addItem(preset.title, preset.key)
            self.preset.setItemData(self.preset.count() - 1, preset.about, Qt.ItemDataRole.ToolTipRole)
        self.start = push_button(
            "train_start", "Train", "Train a new model with these settings (Ctrl+T)", "play", primary=True
        )
        self.pause = push_button("train_pause", "Pause", "Wait after the present step (Space)", "pause")
        self.step = push_button("train_step", "Step", "Train on one batch, then wait", "step")
        self.stop = push_button("train_stop", "Stop", "End the training and save", "stop")
        self.title, self.detail = QLabel(STATES["warming"]), ElidedLabel(" ", role="secondary")
        self.title.setProperty("role", "heading")
        self.title.setObjectName("train_title")
        self.detail.setObjectName("train_detail")
        self.percent = QLabel(" ")
        self.percent.setProperty("role", "secondary")
        self.bar = QProgressBar()
        self.bar.setObjectName("train_progress")
        self.bar.setAccessibleName("Training progress")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.device = ChoiceField()
        self.device.setObjectName("device_choice")
        self.device.setAccessibleName("Device")
        self._where = "Where training runs."
        self.device.setMinimumWidth(128)
        self.device.addItem("Auto", "auto")
        self.speed = QLabel("")
        self.speed.setObjectName("decode_speed")
        self.speed.setProperty("role", "secondary")
        self.speed.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.speed.setToolTip("How long the last decode took, and how many pictures a second are shown.")
        self._lay_out()
        self._show_preset()
        self._on_state_changed(session.state)

        self.open.clicked.connect(self.open_wanted)
        self.preset.activated.connect(self._on_preset_chosen)
        self.preset.currentIndexChanged.connect(self._on_preset_chosen)
        self.device.currentIndexChanged.connect(self._on_device_chosen)
        self.start.clicked.connect(self.train)
        self.pause.clicked.connect(self.toggle_pause)
        self.step.clicked.connect(self.step_once)
        self.stop.clicked.connect(session.stop)
        session.ready.connect(self._on_ready)
        session.preset_changed.connect(self._show_preset)
        session.state_changed.connect(self._on_state_changed)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.progressed.connect(self._on_progressed)
        self._ticking.timeout.connect(self._show_progress)
        session.rewound.connect(self._on_rewound)
        session.done.connect(self._on_done)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.detail)
        self.told = QWidget()
        self.told.setLayout(words)
        words.setContentsMargins(0, 0, 0, 0)
        self.told.setFixedWidth(200)
        progress = QVBoxLayout()
        progress.setSpacing(4)
        progress.addStretch(1)
        progress.addWidget(self.percent)
        progress.addWidget(self.bar)
        progress.addStretch(1)
        self.bar.setMinimumWidth(48)
        self.speed.setFixedWidth(128)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(8)
        layout.addWidget(self.open)
        layout.addWidget(self.preset)
        layout.addSpacing(8)
        for button in (self.start, self.pause, self.step, self.stop):
            layout.addWidget(button)
        layout.addSpacing(8)
        layout.addWidget(self.told)
        layout.addLayout(progress, 1)
        layout.addWidget(self.device)
        layout.addWidget(self.speed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # In a narrow window the controls come first.
        self.speed.setVisible(event.size().width() >= WIDE)

    def train(self) -> None:
        """Begin or go on, with what is half typed in a field too."""
        finish_typing()
        self._session.train()

    def step_once(self) -> None:
        """One batch, then wait."""
        finish_typing()
        self._session.step_once()

    def toggle_pause(self) -> None:
        """Pause, or go on."""
        if self._session.state == "paused":
            self._session.train()
        else:
            self._session.pause()

    def show_speed(self, decode_ms: float, waited_ms: float, rate: float) -> None:
        """Milliseconds of the last decode and pictures a second."""
        self.speed.setText(f"decode {decode_ms:.0f} ms · {rate:.0f} fps")

    def _show_preset(self) -> None:
        was_blocked = self.preset.blockSignals(True)
        self.preset.setCurrentIndex(self.preset.findData(self._session.preset.key))
        self.preset.blockSignals(was_blocked)
        self.preset.setToolTip(self._session.preset.about)

    def _on_preset_chosen(self) -> None:
        key = self.preset.currentData()
        chosen = next(p for p in self._session.presets if p.key == key)
        if chosen is not self._session.preset:
            self._session.apply_preset(chosen)

    def _on_ready(self, devices: list[tuple[str, str]]) -> None:
        for name, text in devices:
            self.device.addItem(TITLES[name], name)
            self.device.setItemData(self.device.count() - 1, text, Qt.ItemDataRole.ToolTipRole)
        self.device.setItemText(0, f"Auto ({TITLES[devices[0][0]]})")
        self._where = f"Where training runs. Found: {', '.join(text for _, text in devices)}."
        self.device.setToolTip(self._where)
        self.device.setCurrentIndex(max(0, self.device.findData(self._session.training_values["device"])))

    def _on_device_chosen(self) -> None:
        self._session.training_values["device"] = self.device.currentData()

    def _on_dataset_changed(self, dataset: object) -> None:
        self._on_state_changed(self._session.state)

    def _on_state_changed(self, state: str) -> None:
        session = self._session
        self.start.setEnabled(session.can_train or state == "paused")
        self.start.setText("Resume" if state == "paused" else "Train")
        self.pause.setEnabled(state in ("running", "paused"))
        self.step.setEnabled(session.can_train or state in ("running", "paused"))
        self.stop.setEnabled(state in ("starting", "running", "paused"))
        self.device.setEnabled(not session.busy)
        self.device.setToolTip(self._where + (" It stays while a model trains." if session.busy else ""))
        if state in ("warming", "starting", "stopping"):
            self.title.setText(STATES[state])
        elif state == "idle" and not self._run_told:
            self.title.setText(STATES[state])
            self.detail.setText("Press Train" if session.dataset is not None else "Loading images…")
        if state == "starting":
            self._run_told = False
            self.detail.setText(" ")
            self.percent.setText(" ")
            self.bar.setValue(0)

    def _on_progressed(self, progress: Progress) -> None:
        self._newest = progress
        if not self._ticking.isActive():
            self._ticking.start()

    def _show_progress(self) -> None:
        progress = self._newest
        if progress is None or self._session.state not in ("running", "paused"):
            return
        self._run_told = True
        self.title.setText(f"step {progress.step:,} · {progress.steps_per_second:.3g} it/s")
        parts = [f"{progress.images_per_second:,.0f} images/s"]
        if progress.eta is not None and self._session.state == "running":
            parts.append(f"{_duration(progress.eta)} left")
        taken = _gigabytes(progress.memory)
        text = " · ".join(parts)
        full = " · ".join([*parts, taken]) if taken else text
        room = self.detail.width() >= self.detail.fontMetrics().horizontalAdvance(full)
        self.detail.setText(full if room else text)
        self.told.setToolTip(f"{text}. Training takes {taken} of memory." if taken else "")
        done = progress.step / progress.total if progress.total else 0.0
        if progress.eta is not None and progress.seconds + progress.eta > 0:
            done = max(done, progress.seconds / (progress.seconds + progress.eta))
        self.bar.setValue(round(1000 * done))
        self.percent.setText(f"{100 * done:.0f}%" if progress.eta is not None else "no limit")

    def _on_rewound(self, step: int) -> None:
        self._ticking.stop()
        self.title.setText(f"step {step:,}")

    def _on_done(self, done: Done) -> None:
        self._ticking.stop()  # nothing older comes after the last word
        self._run_told = True
        self.title.setText(f"step {done.step:,}")
        self.detail.setText(
            f"{'Stopped' if done.reason == 'stopped' else 'Done'} after {_duration(done.seconds)}"
        )
        if done.reason in ("steps", "minutes"):
            self.bar.setValue(1000)
            self.percent.setText("100%")


def _duration(seconds: float) -> str:
    """1:05, 2:03:04."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _gigabytes(count: int) -> str:
    """ "640 MB", "1.2 GB"; empty for nothing."""
    if count < 2**20:
        return ""
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"
