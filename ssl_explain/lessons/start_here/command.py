"""The command `demo`: the main result in a terminal."""

import argparse

from tqdm.auto import tqdm

from ssl_explain import require
from ssl_explain.lessons.start_here.experiment import emergence_run

DEFAULTS = {"seed": 2, "steps": 1500, "depth": 5, "neurons": 10}


def options(sub: argparse.ArgumentParser) -> None:
    """The options of ``demo``."""
    for name, tip in (
        ("seed", "another tree and another network"),
        ("steps", "training steps"),
        ("depth", "levels of hidden causes"),
        ("neurons", "neurons per node"),
    ):
        sub.add_argument(f"--{name}", type=int, help=f"{tip} (default: {DEFAULTS[name]})")


def demo(arguments: argparse.Namespace) -> None:
    """Train the tree of notebook 00 with and without augmentation; print how well its neurons find the latents."""
    require.integer("steps", arguments.steps, 1, "take at least one step")
    require.integer("depth", arguments.depth, 1, "a tree has twice the leaves with every level", high=12)
    require.integer("neurons", arguments.neurons, 1, "some ten are enough to see it", high=1000)
    print("A network sees the leaves of a tree of hidden causes. Does it find the causes?")
    print("Figures: best |correlation| of a neuron with a cause, mean over each level. No label was ever shown.")
    for strength, title in ((0.5, "with augmentation (q = 0.5)"), (0.0, "without augmentation (q = 0)")):
        run = emergence_run(  # as the tree explorer does it
            depth=arguments.depth, neurons=arguments.neurons, seed=arguments.seed, strength=strength,
            learning_rate=0.01, measure_every=10,
        )  # fmt: skip
        for _ in tqdm(range(arguments.steps), desc=title, unit="step"):
            run.training.advance()
        record = run.record(arguments.steps)
        means, ceilings = record.by_level(record.trace.values), record.by_level(record.ceilings)
        print(f"\n{title}\n{'level':>8}{'start':>8}{'end':>8}{'ceiling':>9}")
        for level in range(means.shape[-1]):
            name = "root" if level == means.shape[-1] - 1 else str(level + 1)
            print(f"{name:>8}{means[0, level]:8.2f}{means[-1, level]:8.2f}{ceilings[level]:9.2f}")
        if record.trace.stopped:
            print(record.trace.stopped)
        print()
