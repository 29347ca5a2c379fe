"""A run that is trained: the loop's events, its pictures kept, its figures measured."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentlab import export, metrics
from latentlab.core.errors import RunError
from latentlab.data.base import Dataset
from latentlab.latent import samplers
from latentlab.models import device as devices
from latentlab.models.base import Model
from latentlab.run.planning import configs
from latentlab.training.config import TrainingConfig
from latentlab.training.control import Control
from latentlab.training.events import Diverged, Edited, Event, Preview
from latentlab.training.run_folder import RunFolder

#: The fixed latents that a training shows: seeds 0 to 63, eight a row.
PREVIEW_COUNT, PREVIEW_COLUMNS = 64, 8
#: Held-out images that are judged while training goes on; all of them at its end.
QUICK_EVALUATION = 512


@dataclass(frozen=True)
class Position:
    """Where in the data, and after how many seconds of training, a run goes on."""

    epoch: int = 0
    position: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class TakenOver:
    """What a run began with: layers ("decoder.4 (784×400)") of another at `step`, the rest left as drawn."""

    source: Path
    step: int
    taken: tuple[str, ...]
    left: tuple[str, ...]


class Training:
    """A run that can be trained: iterate `events`. `model` is live; read it only between two events.

    `config` holds the present settings, also after they were changed on the way; `taken_over` says where the
    first weights came from, if from another run.
    """

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        config: TrainingConfig,
        folder: RunFolder,
        position: Position,
        taken_over: TakenOver | None = None,
    ) -> None:
        self.model, self.dataset, self.config, self.folder = model, dataset, config, folder
        self.taken_over = taken_over
        self._position = position
        self._train, heldout = dataset.split(config.heldout, config.seed)
        labels = None if dataset.labels is None else dataset.labels[heldout]
        self._heldout = metrics.Heldout(dataset.images, labels, heldout)

    def events(self, control: Control | None = None) -> Generator[Event, None, None]:
        """Train until the limits of the config or until `control` stops it; see `training.loop.run`.

        RunError where the run folder cannot be written to.
        """
        import torch

        from latentlab.training import loop, memory
        from latentlab.training.augmentation import Augmentation
        from latentlab.training.feed import Feed
        from latentlab.training.order import Order

        before = torch.get_num_threads()
        torch.set_num_threads(devices.kernel_threads(self.model.image_shape))
        dataset, at = self.dataset, self._position
        feed = Feed(
            dataset.images,
            self._train,
            self.model.device,
            labels=dataset.labels if self.model.needs_labels else None,
            augmentation=Augmentation.of(dataset.config),
            seed=self.config.seed,
        )
        try:
            loop_events = loop.run(
                self.model,
                feed,
                self.config,
                folder=self.folder,
                fixed_latents=samplers.draw(self.model, range(PREVIEW_COUNT)),
                evaluate=self._evaluate,
                control=control or Control(),
                order=Order(len(feed), self.config.batch_size, self.config.seed, at.epoch, at.position),
                seconds=at.seconds,
            )
            with memory.kept_pages():
                for event in loop_events:
                    if isinstance(event, Preview):
                        picture = export.compose(event.images, PREVIEW_COLUMNS)
                        export.write_picture(self.folder.sample_path(event.step), picture)
                    elif isinstance(event, Edited | Diverged):  # the latter may take edits back
                        self.config = configs(self.folder)[2]
                    yield event
        except OSError as error:  # a full disk, a folder that is gone
            raise RunError(cannot_write(self.folder, error)) from error
        finally:
            feed.close()
            torch.set_num_threads(before)

    def _evaluate(self, everything: bool) -> tuple[dict[str, float], np.ndarray | None]:
        heldout = self._heldout if everything else self._heldout.thinned(QUICK_EVALUATION)
        figures = metrics.measure(self.model, heldout, final=everything)
        return figures, metrics.kl_per_dimension(self.model, heldout)


def cannot_write(folder: RunFolder, error: OSError) -> str:
    return f"Cannot write to the run {folder.path}: {error.strerror or error}."
