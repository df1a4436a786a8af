"""Shared by all benchmarks: a figure with its target, timing, and memory."""

import math
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPEAT = 5


@dataclass(frozen=True)
class Row:
    """One figure and its target, if there is one: at least ``low`` or at most ``high``."""

    name: str
    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.low is not None:
            return f">= {self.low:g}"
        return f"<= {self.high:g}" if self.high is not None else ""

    @property
    def verdict(self) -> str:
        """PASS, FAIL, or an empty string without a target."""
        if not self.target:
            return ""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return "PASS" if self.value is not None and low <= self.value <= high else "FAIL"

    def __str__(self) -> str:
        """One line of the table."""
        value = "not measured" if self.value is None else f"{self.value:,.{'4g' if self.value < 1e4 else '0f'}}"
        return f"{self.name:<66} {value:>12} {self.unit:<10} {self.target:>10} {self.verdict}"


def median(measure: Callable[[], float]) -> float:
    """The median of several measurements."""
    return statistics.median(measure() for _ in range(REPEAT))


def seconds(action: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def fastest(actions: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """The fastest run of each action, alternating; other load only adds time."""
    for action in actions.values():
        action()
    rounds = [{name: seconds(action) for name, action in actions.items()} for _ in range(repeat)]
    return {name: min(taken[name] for taken in rounds) for name in actions}


def peak_memory() -> float:
    """Peak memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: `getrusage` would count what the parent process held as well
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def in_a_fresh_process(module: str, call: str) -> float:
    """Call a function of a benchmark in a new process and return its result."""
    code = f"import torch; torch.set_num_threads(1); import {module}; print({module}.{call})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)
