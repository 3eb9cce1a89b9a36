"""What processes used: CPU of whole trees, memory, and percentiles of what was measured."""

from __future__ import annotations

from pathlib import Path

import psutil


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, of its living children and of those that it has reaped."""
    total = 0.0
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def own_cpu_s(pid: int) -> float:
    """CPU seconds of one process alone."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def peak_mb(pid: int) -> float:
    """Largest resident size so far, MiB."""
    return _kib(Path(f"/proc/{pid}/status"), "VmHWM:") / 1024


def sizes_mb(pid: int) -> dict[str, float]:
    """MiB resident (``rss``), the fair share of what is shared (``pss``), and what is this process's alone (``uss``)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    own = _kib(rollup, "Private_Clean:") + _kib(rollup, "Private_Dirty:")
    return {"rss": _kib(rollup, "Rss:") / 1024, "pss": _kib(rollup, "Pss:") / 1024, "uss": own / 1024}


def _kib(file: Path, name: str) -> int:
    line = next(line for line in file.read_text("ascii").splitlines() if line.startswith(name))
    return int(line.split()[1])


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of all lies: nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
