"""Options that several commands share, and numbers that say what they expected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object, the last line of stdout.")
]


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser for whole numbers, both bounds included."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise typer.BadParameter(
                f"'{text}' is not allowed; expected a whole number from {low:,} to {high:,}."
            )
        return value

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """A parser for numbers, both bounds included; never NaN."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise typer.BadParameter(f"'{text}' is not allowed; expected a number from {low:,} to {high:,}.")
        return value

    return parse


def parsed_seed(help: str) -> typer.models.OptionInfo:
    """An option for a seed that samplers take."""
    option: typer.models.OptionInfo = typer.Option(parser=whole(0, 2**63 - 1), metavar="S", help=help)
    return option
