"""How a training is doing, in plain words: what was measured, what it means, and what to try."""

from latentlab.training.health.finding import Finding, summary
from latentlab.training.health.monitor import Monitor, watch

__all__ = ["Finding", "Monitor", "summary", "watch"]
