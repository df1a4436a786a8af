"""Measure speed and emergence: a table here, the same figures in a JSON file.

``python tools/bench.py [part ...] [--out bench.json]``. Every figure is a median over repetitions; a missed
target is reported and does not fail the command, since the machine may be busy. The part ``browser`` runs only if it is
named: delays in JupyterLab, measured in a real Chromium (see tests/browser).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from bench_growth import growth
from bench_limits import BATCH, limits, seeded, tree_and_net
from bench_operators import operators
from bench_runs import pictures, sweep
from bench_versions import versions
from measure import REPEAT, Row, median, seconds

from ssl_explain import BestCorrelation, contrastive, info_nce, train
from ssl_explain.lessons.latent_variables_emerge.exact import exact_run
from ssl_explain.lessons.latent_variables_emerge.expected import expected_info_nce, expected_simple
from ssl_explain.lessons.start_here.experiment import emergence_run
from ssl_explain.lessons.start_here.explorer import tree_explorer
from ssl_explain.lessons.start_here.state import TreeState, run_of
from ssl_explain.results import write_whole

ROOT = Path(__file__).resolve().parent.parent
BROWSER = ROOT / "tests" / "browser"


def samples_per_second(*, runs: int | None = None, measuring: bool = True, steps: int = 500) -> float:
    """Data points per second in ``train``, over all runs."""
    generator = seeded()
    tree, net = tree_and_net(runs=runs)
    measure = BestCorrelation(tree, generator=generator) if measuring else lambda net: torch.zeros(1)
    objective = contrastive(info_nce, negatives=1)

    def go(steps: int) -> None:
        train(net, tree, objective, steps=steps, learning_rate=0.01, generator=generator, measure=measure)

    go(20)
    return steps * BATCH * (runs or 1) / seconds(lambda: go(steps))


def training() -> Iterator[Row]:
    """Training speed."""
    setting = "depth 5, 10 neurons, batch 128, InfoNCE H = 1"
    one = median(samples_per_second)
    yield Row(f"training, {setting}", one, "samples/s", low=60_000)
    bare = median(lambda: samples_per_second(measuring=False))
    yield Row("  the same without measuring", bare, "samples/s")
    side = median(lambda: samples_per_second(runs=16, steps=100))
    yield Row("  16 runs side by side, in total", side, "samples/s", low=150_000)
    yield Row("  16 runs side by side, times the samples/s of one", side / one, "x", low=2.2)


def shares(seed: int, strength: float) -> list[float]:
    """Every level's mean over latents of the best neuron, as a share of the level's mean ceiling, after training."""
    run = emergence_run(seed=seed, strength=strength, points=8000, learning_rate=0.1, measure_every=2500)
    run.training.advance(2500)
    record = run.record(2500)
    return (record.by_level(record.trace.values)[-1] / record.by_level(record.ceilings)).tolist()


def emergence() -> Iterator[Row]:
    """Whether the latents emerge, outputs being normalised: with augmentation all levels, without it not the root."""
    for seed in (1, 2, 3):
        yield Row(f"tree {seed}, q = 1: worst level by its ceiling", 100 * min(shares(seed, 1.0)), "%", low=95)
        yield Row(f"tree {seed}, q = 0: root by its ceiling", 100 * shares(seed, 0.0)[-1], "%", high=65)


def exact() -> Iterator[Row]:
    """Training without sampling, on a tree of depth 3 with ten neurons per node."""
    for name, loss in (("L_simp", expected_simple), ("InfoNCE", expected_info_nce)):
        run = exact_run(*tree_and_net(depth=3), strength=1.0, learning_rate=0.01, loss=loss)
        taken = median(partial(seconds, partial(run.advance, 300))) / 300
        yield Row(f"exact mode, {name}: one training step", 1000 * taken, "ms", high=1.5)


def controls() -> Iterator[Row]:
    """Time from a control to the new picture, without a browser, for every value of the control."""
    explorer = tree_explorer(TreeState())
    home = explorer.state
    for name, control in home.controls().items():
        taken = []
        for value in control.values():
            moved = home.change(**{name: value})
            taken.append(seconds(partial(setattr, explorer, "state", moved)))
            explorer.state = home
        yield Row(f"explorer, {control.label}: compute and draw", 1000 * statistics.median(taken), "ms")


def streaming() -> Iterator[Row]:
    """Training behind live pictures, against the bare loop with the same settings; headless."""
    state = TreeState(budget=3000)
    shares, pictures, pauses = [], [], []
    for _ in range(REPEAT):
        run = run_of(state).training
        bare = 1000 / seconds(partial(run.advance, 1000))
        explorer = tree_explorer(state)
        explorer.play()
        begin, frames = time.perf_counter(), explorer.view.frames
        time.sleep(2.0)
        pauses.append(seconds(explorer.pause))
        taken = time.perf_counter() - begin
        shares.append(100 * int(explorer.trace.steps[-1]) / taken / bare)
        pictures.append((explorer.view.frames - frames) / taken)
    yield Row("streaming, headless: steps/s as a share of the bare loop", statistics.median(shares), "%", low=70)
    yield Row("streaming, headless: pictures", statistics.median(pictures), "1/s", low=10)
    yield Row("streaming, headless: Pause, the slowest", max(pauses), "s", high=0.3)


def importing() -> Iterator[Row]:
    """Import times, each in a fresh process, alternating."""
    room = "ssl_explain.lessons.selectivity_amplification"
    lines = ("import torch", "import ssl_explain", f"import {room}", f"from {room} import *")
    processes = [partial(subprocess.run, [sys.executable, "-c", line], check=True) for line in lines]
    rounds = [[seconds(process) for process in processes] for _ in range(9)]
    torch_alone, *others = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    yield Row("import torch, with the start of Python", torch_alone, "s")
    for line, taken, high in zip(lines[1:], others, (None, 0.35, None), strict=True):
        yield Row(f"{line.replace(room, 'lesson 05')}, beyond torch", taken / torch_alone - 1, "torch", high=high)


def from_browser(script: str, *arguments: str) -> list[dict[str, Any]]:
    """Measurements of a script in tests/browser, one per line; none if it failed."""
    command = [sys.executable, str(BROWSER / script), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []


def every_control(notebook: str) -> Iterator[Row]:
    """The slowest control of each explorer of a notebook."""
    lines = from_browser("latency.py", notebook, "--all", "--presses", "12")
    measured = [line for line in lines if line.get("p50_ms")]
    for number in sorted({line["explorer"] for line in measured}):
        own = [line for line in measured if line["explorer"] == number]
        for figure, high in (("p50_ms", 80), ("p95_ms", 150)):
            slowest = max(own, key=lambda line: line[figure])
            words = f"JupyterLab, {notebook[:2]}, explorer {number + 1}: slowest of {len(own)} controls"
            yield Row(f"{words}, {figure[:3]} ({slowest['control']})", slowest[figure], "ms", high=high)
    blank = sum(line["blank"] for line in measured) if measured else None
    yield Row(f"JupyterLab, {notebook[:2]}: frames without a picture", blank, "", high=0)


def browser() -> Iterator[Row]:
    """Delays in JupyterLab."""
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield from every_control(notebook.name)
    got = (from_browser("streaming.py") or [{}])[0]
    share, pause = got.get("share"), got.get("pause_ms")
    yield Row("JupyterLab, training: pictures", got.get("pictures_per_s"), "1/s", low=10)
    yield Row("JupyterLab, training: share of the bare loop", share and 100 * share, "%", low=70)
    yield Row("JupyterLab: Pause", pause and pause / 1000, "s", high=0.3)
    yield Row("from the JupyterLab command to the first moving picture of 00", got.get("start_s"), "s", high=15)


def machine() -> dict[str, object]:
    """Facts about the machine that the figures depend on."""
    system, python = f"{platform.system()} {platform.machine()}", platform.python_version()
    facts = {"system": system, "python": python, "torch": torch.__version__, "cpus": os.cpu_count()}
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {**facts, "threads": torch.get_num_threads(), "load": load}


ALL = (training, exact, streaming, controls, importing, emergence, operators, limits, versions, growth, sweep, pictures)
PARTS: dict[str, Callable[[], Iterator[Row]]] = {part.__name__: part for part in (*ALL, browser)}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure speed and emergence.")
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)} (default: all but browser)")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where to write (default: bench.json)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    figures = []
    for part in [PARTS[name] for name in options.parts] or ALL:
        for row in part():
            print(row, flush=True)
            figures.append({**asdict(row), "verdict": row.verdict})
    write_whole(options.out, (json.dumps({"machine": facts, "figures": figures}, indent=2) + "\n").encode())
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
