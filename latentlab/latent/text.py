"""A latent as a line of text, for copy and paste."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from latentlab.core.errors import ConfigError

#: Nobody pastes more than this on purpose; 512 numbers take some 8,000.
MOST_CHARACTERS = 100_000
_HEADER = re.compile(r"latentlab z \d{1,9}:", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,9})?|[-+]?(nan|inf(inity)?)", re.IGNORECASE)


def to_text(z: np.ndarray) -> str:
    """A latent (D,) as ``latentlab z 3: 0.5, -1.25, 0.100000001``; `from_text` gives every bit back.

    Nine significant digits are enough for any float32 (IEEE 754-2008, 5.12.2).
    """
    numbers = ", ".join(f"{value:.9g}" for value in np.asarray(z, np.float32).tolist())
    return f"latentlab z {len(z)}: {numbers}"


def from_text(text: str, size: int) -> np.ndarray:
    """What `to_text` wrote, a JSON list, or numbers with commas or spaces between -> float32 (size,).

    ConfigError for anything else, another count, and numbers that are not finite.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(f"The text has {len(text):,} characters; expected one latent of {size} numbers.")
    body = _HEADER.sub("", text.strip(), count=1) if _HEADER.match(text.strip()) else text
    body = body.strip().removeprefix("[").removesuffix("]").strip().removesuffix(",")
    words = re.split(r"\s*,\s*|\s+", body) if body else []
    for word in words:
        if not _NUMBER.fullmatch(word):
            shown = word if len(word) <= 20 else word[:20] + "…"
            raise ConfigError(f"'{shown}' is no number; expected one latent of {size} numbers.")
    return exact([float(word) for word in words], size)


def exact(values: Sequence[float], size: int) -> np.ndarray:
    """Numbers -> float32 (size,). ConfigError for another count, or what no float32 holds."""
    if len(values) != size:
        found = f"{len(values)} number" + ("s" if len(values) != 1 else "")
        raise ConfigError(f"Found {found}; expected one latent of {size} numbers.")
    with np.errstate(over="ignore"):  # too large a number becomes infinite, which is told below
        z = np.asarray(values, np.float64).astype(np.float32)
    if not np.isfinite(z).all():
        wrong = values[int(np.argmin(np.isfinite(z)))]
        raise ConfigError(f"The number {wrong:g} is not allowed in a latent; expected finite numbers.")
    return z
