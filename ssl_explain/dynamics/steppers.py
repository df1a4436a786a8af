"""Solvers of ẏ = v(y): one step of Euler or Runge-Kutta, many steps with snapshots, and an adaptive solver.

A state is an array or a tuple of arrays. Tensors and NumPy arrays will do: small matrices move fastest as arrays.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ssl_explain import require

State = TypeVar("State")
Velocity = Callable[[State], State]


def euler(velocity: Velocity[State], state: State, h: Any) -> State:
    """One step of order 1: y + h·v(y). ``h`` may be an array with one step per entry.

    Example:
        >>> euler(lambda y: -y, torch.tensor([1.0, 2.0]), 0.5)
        tensor([0.5000, 1.0000])
    """
    return _each(lambda y, v: y + h * v, state, velocity(state))


def rk4(velocity: Velocity[State], state: State, h: Any) -> State:
    """One Runge-Kutta step of order 4: y + h/6·(a + 2(b + c) + d), with a = v(y), b = v(y + h/2·a), and so on.

    Example:
        >>> rk4(lambda y: -y, torch.tensor(1.0), 0.5).item()  # e^(-1/2) = 0.6065
        0.6067708134651184
    """

    def moved(by: Any, along: State) -> State:
        return _each(lambda y, v: y + by * v, state, along)

    a = velocity(state)
    b = velocity(moved(h / 2, a))
    c = velocity(moved(h / 2, b))
    d = velocity(moved(h, c))
    return _each(lambda y, a, b, c, d: y + h / 6 * (a + 2 * (b + c) + d), state, a, b, c, d)


def solve(
    step: Callable[[State, float], State],
    start: State,
    *,
    step_size: float,
    steps: int,
    every: int = 1,
    until: Callable[[State], Any] | None = None,
) -> State:
    """Take y ← step(y, h) again and again; the start and every ``every``-th state, stacked along a new first axis.

    It ends before a step from a state of which ``until`` holds.

    Raises:
        ValueError: a step size that is not positive, a negative number of steps, ``every`` below 1.

    Example:
        >>> solve(lambda y, h: euler(torch.neg, y, h), torch.tensor(1.0), step_size=0.5, steps=4, every=2)
        tensor([1.0000, 0.2500, 0.0625])
    """
    require.number("step_size", step_size, 0, float("inf"), "small steps follow the flow; try 0.01", open_low=True)
    require.integer("steps", steps, 0, "0 only returns the start")
    require.integer("every", every, 1, "1 keeps every step")
    kept, state = [start], start
    for number in range(1, steps + 1):
        if until is not None and until(state):
            break
        state = step(state, step_size)
        if number % every == 0:
            kept.append(state)
    return _each(lambda *series: (torch.stack if isinstance(series[0], Tensor) else np.stack)(series), *kept)


def integrate(velocity: Velocity[State], start: State, times: Tensor, *, tolerance: float = 1e-12) -> State:
    """The solution at ``times`` (the first is the start), by an adaptive Runge-Kutta method of order 8.

    ``velocity`` gets the state as NumPy arrays; the result holds tensors in double precision, time first.

    Raises:
        ValueError: times that do not increase; a solution that ends before the last time.

    Example:
        >>> integrate(lambda y: -y, torch.tensor([1.0]), torch.tensor([0.0, 1.0])).squeeze()
        tensor([1.0000, 0.3679], dtype=torch.float64)
    """
    from scipy.integrate import solve_ivp  # it takes a second to import

    if times.ndim != 1 or len(times) < 2 or not bool((times.diff() > 0).all()):
        raise ValueError(f"`times` must increase, got {times.tolist()}; torch.linspace(0, 20, 41) will do.")
    alone: Any = (start,)
    shapes = [tuple(part.shape) for part in (start if isinstance(start, tuple) else alone)]
    cuts = np.cumsum([math.prod(shape) for shape in shapes])[:-1]

    def packed(state: State) -> np.ndarray:
        parts = state if isinstance(state, tuple) else (state,)
        return np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])

    def unpacked(flat: np.ndarray, *lead: int) -> Any:
        pairs = zip(np.split(flat, cuts, axis=-1), shapes, strict=True)
        parts = tuple(part.reshape((*lead, *shape)) for part, shape in pairs)
        return parts if isinstance(start, tuple) else parts[0]

    def speed(_: float, flat: np.ndarray) -> np.ndarray:
        return packed(velocity(unpacked(flat)))

    t, first = times.double().numpy(), packed(start)
    solution = solve_ivp(speed, (t[0], t[-1]), first, method="DOP853", t_eval=t, rtol=tolerance, atol=tolerance * 1e-2)
    if not solution.success:
        raise ValueError(f"`times` must end before the solution does, got {t[-1]:g}; {solution.message}")
    return _each(lambda part: torch.from_numpy(part.copy()), unpacked(solution.y.T, len(t)))


def _each(function: Callable[..., Any], *states: Any) -> Any:
    """The function of the arrays of states, part by part where a state is a tuple."""
    if isinstance(states[0], tuple):
        return tuple(function(*parts) for parts in zip(*states, strict=True))
    return function(*states)
