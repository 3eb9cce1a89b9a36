"""Rules of figures that pages count by themselves out of what the store gave them; the rules stand in the core, once."""

from __future__ import annotations

from collector.core.absence import MISSED, LessonPlace, count
from collector.core.averages import Ratio, mean, weighted_mean

__all__ = ["MISSED", "LessonPlace", "Ratio", "count", "mean", "weighted_mean"]
