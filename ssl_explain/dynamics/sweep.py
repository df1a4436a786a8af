"""Many settings, each with its block of seeds: on this machine or on a cluster, interrupted and resumed, same bits.

joblib distributes the jobs, through Dask on a cluster.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from ssl_explain import require
from ssl_explain.dynamics.partial_results import Cell, PartialResults, Rows

Job = Callable[..., Iterable[Mapping[str, Cell]]]
Setting = dict[str, Any]

PATIENCE = 5  # seconds until a cluster that does not answer counts as unreachable


def settings_of(grid: Mapping[str, Sequence[object]]) -> list[Setting]:
    """Every combination of the values, the last name varying fastest.

    Raises:
        ValueError: no names, or a name without values.

    Example:
        >>> settings_of({"neurons": [2, 5], "strength": [1.0]})
        [{'neurons': 2, 'strength': 1.0}, {'neurons': 5, 'strength': 1.0}]
    """
    complete = bool(grid) and all(grid.values())
    require.that(complete, "grid", "give every name at least one value", dict(grid), "a sweep needs a setting")
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def sweep(
    job: Job,
    grid: Mapping[str, Sequence[object]],
    path: Path,
    *,
    fixed: Mapping[str, object] | None = None,
    command: str | None = None,
    seeds: str = "see the command",
    replace: bool = False,
    progress: bool = True,
    **work: Any,
) -> dict[str, list[Cell]]:
    """Run ``job(**setting, **fixed)`` for every setting of the grid; write all rows to ``path`` and return them.

    A job is a function at the top level of a module that returns the rows of its setting, each a mapping from columns
    to numbers or text; the whole block of seeds of a setting belongs into one job, side by side in one tensor.
    It runs on one thread, so that its bits do not depend on where it runs: in this process, in one of ``workers``
    processes, or on the Dask cluster at an address such as ``cluster="tcp://192.168.0.2:8786"``.
    ``work`` holds these two.

    A finished job is kept at once in ``name.parts`` beside the table. A sweep that was stopped, or killed at any
    moment, continues there when it is called again, and ends with the bytes of an undisturbed one. The table's
    manifest holds ``command``, which makes it again; a table of another command is replaced only with ``replace``.

    Raises:
        ValueError: an empty grid; files in the way that are damaged or belong to something else (they stay as they
            are); a second sweep at work in the same place.
        TypeError: settings or rows that hold more than numbers and text.
        ConnectionError: a cluster that cannot be reached, or that has no workers.
        ImportError: a cluster is asked for and Dask is not installed.
        ChildProcessError: a worker process has died; what was finished is kept.
        Exception: whatever a job raises; what was finished is kept.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> def job(neurons, offset): return [{"neurons": neurons, "wires": neurons**2 + offset}]
        >>> with TemporaryDirectory() as folder:
        ...     sweep(job, {"neurons": [2, 5]}, Path(folder) / "wires.csv", fixed={"offset": 1}, progress=False)
        {'neurons': [2, 5], 'wires': [5, 26]}
    """
    require.integer("workers", work.get("workers", 1), 1, "one job at a time needs one worker")
    settings, fixed, name = settings_of(grid), dict(fixed or {}), f"{job.__module__}.{job.__qualname__}"
    plan = {"job": name, "grid": dict(grid), "fixed": fixed}
    command = command or f"sweep({name}, {dict(grid)}, fixed={fixed})"
    with PartialResults(path, plan, settings, command=command, seeds=seeds, replace=replace).open() as parts:
        missing = {k: setting for k, setting in enumerate(settings) if k not in parts.done}
        with tqdm(total=len(settings), initial=len(parts.done), disable=not progress, unit="setting") as bar:
            for index, rows in _run(partial(job, **fixed), missing, **work):
                parts.add(index, rows)
                bar.update()
        return parts.finish()


def _one(job: Job, index: int, setting: Setting) -> tuple[int, list[Any]]:
    """The rows of one job, computed on one thread."""
    torch.set_num_threads(1)
    return index, list(job(**setting))


def _run(
    job: Job, jobs: Mapping[int, Setting], *, workers: int = 1, cluster: str | None = None
) -> Iterator[tuple[int, Rows]]:
    """The rows of every job, in the order in which they are finished."""
    if not jobs:
        return
    threads = torch.get_num_threads()
    calls = [delayed(_one)(job, index, setting) for index, setting in jobs.items()]
    try:
        with _cluster(cluster), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "[0-9]+ tasks which")  # an interrupt cancels jobs
            yield from Parallel(n_jobs=min(workers, len(jobs)), batch_size=1, return_as="generator_unordered")(calls)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a worker process has died, perhaps out of memory; what was finished is kept: "
            "run the sweep again, with fewer workers."
        ) from error
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Within it joblib sends its jobs to the Dask cluster at this address, if there is one."""
    if address is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "`cluster` must come with Dask, which is not installed; run: pip install -e '.[cluster]' "
            "(here and on every worker), or leave `cluster` out."
        ) from error
    if not re.match(r"(tcp|tls|ucx|ws|wss|inproc)://", address):
        expected = "be the address of a Dask scheduler with its protocol, such as tcp://192.168.0.2:8786"
        remedy = "the scheduler prints its address when it starts"
        require.fail("cluster", expected, repr(address), remedy, ConnectionError)
    remedy = "start one with `dask scheduler` and, on every machine, `dask worker ADDRESS`; or leave `cluster` out"
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"`cluster` must be the address of a Dask scheduler, got {address!r}, "
            f"which did not answer within {PATIENCE} s; {remedy}."
        ) from error
    with client:
        require.that(bool(client.ncores()), "cluster", "have workers", f"none at {address!r}", remedy, ConnectionError)
        with parallel_config(backend="dask", client=client):
            yield
