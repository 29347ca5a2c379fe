"""latentlab: train a GAN or a VAE live, walk through its latent space, export what you find.

From Python::

    import latentlab

    run = latentlab.open_run("runs/first-vae")
    images = run.sample(16, seed=0)  # float32 (16, C, H, W) in [0, 1]

Importing the package loads neither Qt nor torch; ``open_run`` loads torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "open_run"]

if TYPE_CHECKING:
    from latentlab.run import open_run


def __getattr__(name: str) -> Any:
    if name == "open_run":
        from latentlab.run import open_run

        return open_run
    raise AttributeError(f"module 'latentlab' has no attribute {name!r}")
