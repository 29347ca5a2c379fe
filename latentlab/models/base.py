"""The contract of every generative model, so that GAN and VAE share one training loop.

This file and the model files import torch only inside methods: menus, forms and ``latentlab models`` read
the classes and their configs at once, and torch (two seconds) arrives when a model is built.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from latentlab.core.config import Config, live_fields
from latentlab.core.errors import ConfigError
from latentlab.core.registry import Registry

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


#: How names of nets end that do not learn but are the running mean of another.
AVERAGED = "-ema"


@dataclasses.dataclass(frozen=True)
class Choice:
    """A categorical input of `decode` (a class, an InfoGAN code): some numbers of the latent, one-hot.

    The latent's numbers start..stop-1 hold it: all 0 but the chosen one, 1. Numbers between 0 and 1 mix
    categories, so paths, bookmarks and arithmetic need not know of it. `name` is kebab-case; `labels` are
    what its categories are called on the screen.
    """

    name: str
    title: str
    start: int
    labels: tuple[str, ...]

    @property
    def stop(self) -> int:
        return self.start + len(self.labels)


class Model:
    """Owns its nets, losses and optimizer step.

    Class attributes: `key` (set by the registry), `title`, `about`, `family` ("vae" or "gan"), `paper`
    (arXiv number), `training_defaults` (values of the training form that suit it), `smallest_batch` (images
    that a step needs), `evaluation_nets` (names of the nets that `decode` and `encode` use, the decoding one
    last; a model may set its own), `prior` (what z is drawn from: "standard-normal" is N(0, I)),
    `metric_titles` (what `step` may return, and what it is called on the screen), `needs_labels` (whether it
    learns from labels too).

    image_shape is (C, H, W), latent_shape (D,), `choices` says which of the D numbers are categorical;
    `label_names` are the names of the data's classes, for models that need them; train_count is how many
    images it learns from, known from `start_training` on. Every
    random number that training draws comes from `generator`, never from torch's global one, so that no other
    thread can change a run.
    """

    Config: ClassVar[type[Config]]
    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    paper: ClassVar[str]
    family: ClassVar[str]
    prior: ClassVar[str] = "standard-normal"
    training_defaults: ClassVar[Mapping[str, Any]] = {}
    smallest_batch: ClassVar[int] = 1
    needs_labels: ClassVar[bool] = False
    evaluation_nets: tuple[str, ...]
    metric_titles: ClassVar[Mapping[str, str]]

    def __init__(
        self,
        config: Any,
        image_shape: tuple[int, int, int],
        *,
        seed: int = 0,
        device: str = "cpu",
        label_names: tuple[str, ...] = (),
    ) -> None:
        """Build the nets with weights drawn by `seed` on the CPU, so that every device starts equal.

        ConfigError where `obstacle` finds one.
        """
        import torch

        from latentlab.models import kernels

        if reason := self.obstacle(image_shape, label_names):
            raise ConfigError(reason)
        self.config = config
        self.image_shape = image_shape
        self.label_names = tuple(label_names) if self.needs_labels else ()
        self.train_count = 0
        size, self.choices = self.latent_layout()
        self.latent_shape: tuple[int, ...] = (size,)
        self.device = torch.device(device)
        self.step_count = 0
        self.nets: dict[str, nn.Module] = self.build()
        self.initialize(torch.Generator().manual_seed(seed))
        for net in self.nets.values():
            kernels.adopt(net, self.device)
        self.generator = torch.Generator(self.device).manual_seed(seed + 1)
        #: What steps carry along beside nets and optimizers (a running mean, say); saved with them.
        self.state: dict[str, Tensor] = {}
        self._optimizers: dict[str, torch.optim.Optimizer] = {}

    # What a family implements

    @classmethod
    def obstacle(cls, image_shape: tuple[int, int, int], label_names: tuple[str, ...]) -> str:
        """Why this model cannot learn from such images, in one sentence; "" where it can. Needs no torch."""
        if cls.needs_labels and len(label_names) < 2:
            found = f"{len(label_names)} class" if label_names else "no labels"
            return f"A {cls.key} learns from labels and needs at least 2 classes; this data has {found}."
        return ""

    def latent_layout(self) -> tuple[int, tuple[Choice, ...]]:
        """How many numbers a latent has, and which of them are categorical; asked before `build`."""
        return self.config.latent_size, ()

    def build(self) -> dict[str, nn.Module]:
        """The nets by name, on the CPU."""
        raise NotImplementedError

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the first weights from a CPU generator."""
        raise NotImplementedError

    def make_optimizers(self, learning_rate: float) -> dict[str, torch.optim.Optimizer]:
        """One optimizer per net or group of nets that learn together."""
        raise NotImplementedError

    def rates(self, learning_rate: float) -> dict[str, float]:
        """The learning rate of each optimizer of `make_optimizers`: nets may learn at paces of their own."""
        return dict.fromkeys(self._optimizers, learning_rate)

    def step(self, batch: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Learn from a uint8 (B, C, H, W) batch (points: float32) on `device`, and its int64 labels (B,).

        Returns detached scalars by the names of `metric_titles`, not read back to the host; what was not
        measured in this step is left out.
        """
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        """float32 latents (N, D) -> float32 images (N, C, H, W) in [0, 1]."""
        raise NotImplementedError

    def encode(self, images: Tensor) -> Tensor:
        """float32 images (N, C, H, W) in [0, 1] -> float32 latents (N, D), the posterior means.

        Raises ConfigError for models without an encoder.
        """
        raise ConfigError(f"A {self.key} has no encoder.")

    # What they share

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """float32 latents (count, D) from the prior, on the generator's device: N(0, I), choices one-hot."""
        import torch

        z = torch.randn(count, *self.latent_shape, generator=generator, device=generator.device)
        for choice in self.choices:
            shape = (count, len(choice.labels))
            category = torch.randint(shape[1], (count, 1), generator=generator, device=generator.device)
            z[:, choice.start : choice.stop] = torch.zeros(shape, device=z.device).scatter_(1, category, 1.0)
        return z

    @property
    def decoding_net(self) -> nn.Module:
        """The net that turns latents into images."""
        return self.nets[self.evaluation_nets[-1]]

    def features(self, z: Tensor) -> Tensor:
        """float32 latents (N, D) -> (N, F): the decoding net's activations behind its first non-linearity.

        The "early layer" of GANSpace (Harkonen et al., arXiv 2004.02546). Call it under `evaluating`.
        """
        from torch import nn

        x = z
        for layer in self.decoding_net.children():
            x = layer(x)
            if isinstance(layer, nn.ReLU | nn.LeakyReLU):
                break
        return x.flatten(1)

    @property
    def can_encode(self) -> bool:
        """Whether `encode` works."""
        return type(self).encode is not Model.encode

    def start_training(self, learning_rate: float, train_count: int = 0) -> None:
        """Make the optimizers; needed once before `step`. `train_count` is how many images there are."""
        self.train_count = train_count
        self._optimizers = self.make_optimizers(learning_rate)
        self.set_learning_rate(learning_rate)
        self.train()

    def set_learning_rate(self, learning_rate: float) -> None:
        """The next step learns at this rate, each optimizer as `rates` says."""
        for name, rate in self.rates(learning_rate).items():
            for group in self._optimizers[name].param_groups:
                group["lr"] = rate

    def steer(self, config: Any, learning_rate: float) -> None:
        """Go on with other live settings (see `core.config.setting`) and another learning rate.

        ValueError where a setting differs that needs new nets.
        """
        for name in set(type(config).model_fields) - live_fields(type(config)):
            if getattr(config, name) != getattr(self.config, name):
                raise ValueError(f"{name} needs new nets")
        self.config = config
        self.set_learning_rate(learning_rate)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers by name; empty until `start_training`."""
        return self._optimizers

    def train(self, training: bool = True) -> None:
        """Switch batch normalisation and dropout of every net to training or to evaluation."""
        for net in self.nets.values():
            net.train(training)

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients, then back to the mode each net was in."""
        import torch

        modes = {name: net.training for name, net in self.nets.items()}
        self.train(False)
        try:
            with torch.inference_mode():
                yield
        finally:
            for name, net in self.nets.items():
                net.train(modes[name])

    def parameter_count(self) -> int:
        """How many numbers are learned; a running mean of them is none of its own."""
        learned = [net for name, net in self.nets.items() if not name.endswith(AVERAGED)]
        return sum(p.numel() for net in learned for p in net.parameters())

    def evaluation_copy(self) -> Model:
        """A model for another thread: copies of the nets that decode and encode, without optimizers."""
        other = copy.copy(self)
        other.nets = {name: copy.deepcopy(self.nets[name]) for name in self.evaluation_nets}
        other._optimizers = {}
        for net in other.nets.values():
            net.requires_grad_(False)
        other.train(False)
        return other

    def weights(self) -> list[Tensor]:
        """Copies of the weights and buffers that `evaluation_copy` holds, in a fixed order."""
        return [tensor.detach().clone() for tensor in self._evaluation_tensors()]

    def load_weights(self, weights: list[Tensor]) -> None:
        """Take over what `weights` of the same kind of model gave."""
        for mine, theirs in zip(self._evaluation_tensors(), weights, strict=True):
            mine.detach().copy_(theirs)

    def _evaluation_tensors(self) -> list[Tensor]:
        return [
            t for name in self.evaluation_nets for t in self.nets[name].state_dict(keep_vars=True).values()
        ]


MODELS: Registry[type[Model]] = Registry("model")
register = MODELS.register
