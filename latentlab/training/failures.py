"""What became NaN or infinite."""

from __future__ import annotations

import numpy as np
import torch

from latentlab.models.base import Model
from latentlab.training.events import Progress


class Divergence(Exception):  # noqa: N818 - the loop's own word, never shown
    """`what` is no finite number since `step`; in words for people."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(what)
        self.step, self.what = step, what


def spoiled_figure(
    model: Model, progress: Progress, measured: list[dict[str, torch.Tensor]]
) -> tuple[int, str] | None:
    """The step and the title of the first figure that was measured and is not finite."""
    # Columns have gaps where a step did not measure a figure; those without are passed over whole.
    suspects = {name for name, column in progress.values.items() if not np.isfinite(column).all()}
    for row, names in enumerate(measured):
        for name in names:
            if name in suspects and not np.isfinite(progress.values[name][row]):
                return int(progress.steps[row]), model.metric_titles.get(name, name)
    return None


def spoiled_weight(model: Model) -> str:
    """ "a weight of the decoder" where one is not finite, else "". A loss is taken before it spoils them."""
    weights = [(name, t) for name, net in model.nets.items() for t in net.state_dict().values()]
    finite = torch.stack([tensor.isfinite().all() for _, tensor in weights]).tolist()
    return "" if all(finite) else f"a weight of the {weights[finite.index(False)][0]}"
