"""Two networks in lock step, with q as set and with q = 0, drawn by the browser while the kernel trains."""

import threading
import time
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from ssl_explain import require
from ssl_explain.kit.view import told
from ssl_explain.lessons.start_here.picture import EmergencePicture
from ssl_explain.lessons.start_here.state import TreeState, run_of
from ssl_explain.networks.layers import LayeredReLU
from ssl_explain.records import Trace
from ssl_explain.worlds.latent_tree import LatentTree

HERE = Path(__file__).parent
LONGEST = 0.06  # seconds of training between two pictures
DIGITS = 4


def two_views(tree: LatentTree, q: float, seed: int) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Leaves of a point, (leaf,), and of two views of it, (2, leaf); and the nodes that both keep, leaves first.

    The random numbers are the same at every q: as q grows, node after node is drawn again.
    """
    g = torch.Generator().manual_seed(seed)
    root, *below = (level[0] for level in reversed(tree.sample(1, generator=g)))
    views, kept = root.expand(2, 1), [torch.ones(2, 1, dtype=torch.bool)]
    for own, rho in zip(below, reversed(tree.polarity), strict=True):
        parents, above = (rows.repeat_interleave(tree.topology.branching, -1) for rows in (views, kept[-1]))
        stays, errs = torch.rand(2, 2, len(own), generator=g)
        kept.append(above & (stays >= q))
        views = torch.where(kept[-1], own, parents ^ (errs < (1 - rho) / 2))
    return below[-1], views, [both.all(0) for both in reversed(kept)]


def neurons(net: LayeredReLU, x: Tensor, latents: list[Tensor]) -> list[list[float]]:
    """|Correlation| of every neuron of a node with the latent of that node (centred), one list per latent."""
    found = []
    with torch.no_grad():
        for f, z in zip(net.activations(x), latents, strict=True):
            f = f - f.mean(0)  # (point, node, neuron)
            size = f.norm(dim=0) * z.norm(dim=0).unsqueeze(-1)
            found += ((f * z.unsqueeze(-1)).sum(0).abs() / size.clamp_min(1e-9)).tolist()
    return [[round(value, DIGITS) for value in row] for row in found]


class TwoTrees(anywidget.AnyWidget):
    """Play trains two networks with the same first weights and the same points; q acts at once on the first of them.

    The browser asks for the next steps when it has drawn the last, so that nothing runs that nobody sees.
    ``world`` is what stays while a run lasts, ``now`` its present state.

    Raises:
        ValueError: a dense network, a tree of other than two children per node.
        TypeError: no state.
    """

    _esm = "\n".join((HERE / name).read_text("utf-8") for name in ("svg.js", "tree_view.js", "two_trees.js"))
    look = traitlets.Unicode((HERE / "tree.css").read_text("utf-8")).tag(sync=True)
    world: Any = traitlets.Dict().tag(sync=True)
    now: Any = traitlets.Dict().tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)

    def __init__(self, state: TreeState) -> None:
        """Build both runs; nothing trains yet."""
        require.instance("state", state, TreeState, "such as TreeState(strength=0.5)")
        require.that(state.wiring == "tree", "wiring", 'be "tree"', repr(state.wiring), "a dense network has no nodes")
        super().__init__()
        self.state, self._lock = state, threading.RLock()
        self._start()
        self.on_msg(self._hear)

    def _start(self) -> None:
        first, second = (run_of(self.state.change(strength=q)) for q in (self.state.strength, 0.0))
        self.run, self.pair = first, (first.training, second.training)
        rho = [level.tolist() for level in first.tree.polarity]
        self.world = {"polarity": rho, "ceilings": first.ceilings.tolist(), "budget": self.state.budget}
        self._show()

    @property
    def over(self) -> bool:
        """Whether the steps are used up, or a run has stopped early."""
        return self.pair[0].step >= self.state.budget or any(run.stopped for run in self.pair)

    def advance(self, steps: int, longest: float = float("inf")) -> None:
        """Train both for as many steps, or until time is up (in seconds)."""
        end = time.monotonic() + longest
        while steps > 0 and not self.over and time.monotonic() < end:
            for run in self.pair:
                run.advance(1)
            steps -= 1
        self._show()

    def set_strength(self, q: float) -> None:
        """Change q of the first network; the second keeps q = 0."""
        self.state = self.state.change(strength=q)
        self.pair[0].strength = self.state.strength
        self._show()

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """Answer the front end, which may ask in several threads at once."""
        with self._lock:
            match told(content, "steps"), told(content, "q"), told(content, "again"):
                case int() as steps, _, _:
                    self.advance(steps, LONGEST)
                case _, int() | float() as q, _ if 0 <= q <= 1:
                    self.set_strength(round(20 * q) / 20)
                case _, _, True:
                    self._start()

    def _show(self) -> None:
        """Send the present state."""
        point, views, kept = two_views(self.run.tree, self.state.strength, self.state.seed)
        first, second = traces = [training.trace() for training in self.pair]
        same = [point.tolist()] * 2
        sides = [{"views": views.tolist(), "kept": [level.tolist() for level in kept]}]
        sides.append({"views": same, "kept": [[True] * len(level) for level in kept]})
        for side, training, trace in zip(sides, self.pair, traces, strict=True):
            best = trace.values.double().round(decimals=DIGITS).tolist()
            measure: Any = training.measure
            side |= {"trace": best, "neurons": neurons(training.net, measure.x, measure.latents)}  # type: ignore
        with self.hold_sync():
            self.now = {
                "q": self.state.strength, "step": self.pair[0].step, "over": self.over, "point": point.tolist(),
                "sides": sides, "steps": first.steps.tolist(), "changes": [s.start for s in first.stretches[1:]],
            }  # fmt: skip
            self.words = self._told(first, second)

    def _told(self, first: Trace, second: Trace) -> str:
        """What the picture shows, in words."""
        (start, end), other = first.values[[0, -1], -1].tolist(), float(second.values[-1, -1])
        q, ceiling, step = f"{self.state.strength:g}", float(self.run.ceilings[-1]), self.pair[0].step
        told = (
            f"After {step} steps the best neuron's |correlation| with the root went from {start:.2f} to {end:.2f} with "
            f"q = {q}, and to {other:.2f} with q = 0."
            if step
            else f"Before training, q = {q}: the best neuron's |correlation| with the root is {start:.2f}."
        )
        stopped = next((f" Training {run.stopped}." for run in self.pair if run.stopped), "")
        return f"{told} Its ceiling is {ceiling:.2f}.{stopped}"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and for saved notebooks the picture of the first network."""
        live = super()._repr_mimebundle_(**options)
        data, metadata = EmergencePicture(self.run.record(self.state.budget))._repr_mimebundle_()
        return {**data, **(live[0] if isinstance(live, tuple) else live or {}), "text/plain": self.words}, metadata


def two_trees(state: TreeState | None = None) -> TwoTrees:
    """Two networks in lock step: with q as set, and with q = 0.

    Raises:
        ValueError: a dense network.
        TypeError: no state.
    """
    return TwoTrees(TreeState() if state is None else state)
