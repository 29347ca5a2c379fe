"""What is found, and how it is put."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "info", "warning", "error"]
#: The gravest first.
GRAVITY: tuple[Level, ...] = ("error", "warning", "info", "good")


@dataclass(frozen=True)
class Finding:
    """One sentence or two with the number behind it, and a remedy where something is wrong.

    key: kebab-case and permanent ("mode-collapse"); value: the number that decided.
    """

    key: str
    level: Level
    text: str
    remedy: str = ""
    value: float | None = None


def summary(findings: Iterable[Finding]) -> list[str]:
    """A line each, for a terminal."""
    return [f"{f.level.capitalize()}: {f.text} {f.remedy}".rstrip() for f in findings]


def percent(share: float) -> str:
    """``83 %``; ``0.4 %`` and ``under 0.1 %`` where rounding would hide that there is something."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def nats(value: float) -> str:
    """``105``, ``21.3``, ``0.42``: as many digits as people compare."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
