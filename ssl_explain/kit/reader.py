"""The function of a reader inside an explorer: called with copies, checked, and abandoned if it does not return."""

import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ssl_explain import require
from ssl_explain.kit.explorer import Explorer, S
from ssl_explain.kit.state import State
from ssl_explain.torch_modes import own_modes

SOON, LATE = 0.3, 10.0  # seconds: a control waits so long for an answer, and so long the making of an explorer


class ReaderError(Exception):
    """What went wrong in a function of the reader's, in a sentence for the read-out."""


class ReaderFunction:
    """A function that answers to a tensor, and to further ones, with a tensor of the same dtype.

    ``shape`` of the first tensor is that of the answer: the same, unless it is given. Gradients flow through.
    It gets copies. Two are equal if they call the same function, so that one can be part of the key of a cache.

    Raises:
        TypeError: what is no function.
        ReaderError: a call that raises, or that returns something else.

    Example:
        >>> ReaderFunction(lambda w: w.sum())(torch.ones(2, 3))
        Traceback (most recent call last):
        ssl_explain.kit.reader.ReaderError: <lambda> must return a tensor of shape (2, 3), got one of shape ().
    """

    def __init__(self, function: Callable[..., Tensor], shape: Callable[[Tensor], Sequence[int]] = Tensor.size) -> None:
        """Keep the function."""
        require.function("function", function, "hand over its name")
        self.function, self.shape = function, shape
        self.name = getattr(function, "__name__", type(function).__name__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReaderFunction) and other.function is self.function

    def __hash__(self) -> int:
        return hash((ReaderFunction, id(self.function)))

    def __call__(self, first: Tensor, *more: Tensor) -> Tensor:
        """Call it with copies, and check what it returns."""
        try:
            answer = self.function(*(given.clone() for given in (first, *more)))
        except Exception as error:
            raise ReaderError(self._told(error)) from error
        if not isinstance(answer, Tensor):
            self._wrong("a tensor", f"{require.shown(answer)}")
        if answer.shape != self.shape(first):
            self._wrong(f"a tensor of shape {tuple(self.shape(first))}", f"one of shape {tuple(answer.shape)}")
        if answer.dtype != first.dtype:
            self._wrong(f"a tensor of {first.dtype}", f"one of {answer.dtype}")
        if not torch.isfinite(answer).all():
            self._wrong("finite numbers", "NaN or infinity")
        return answer.clone()

    def _wrong(self, wanted: str, came: str) -> None:
        raise ReaderError(f"{self.name} must return {wanted}, got {came}.")

    def _told(self, error: Exception) -> str:
        """The error with the last line of the reader's own file or cell that it went through."""
        file = getattr(getattr(self.function, "__code__", None), "co_filename", None)
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        where = f" in line {own[-1].lineno}, `{own[-1].line}`" if own and own[-1].line else ""
        return f"{self.name} failed{where}: {type(error).__name__}: {error}"


class Job:
    """A computation in a thread of its own, since a call that does not return can only be left alone."""

    def __init__(self, state: State, work: Callable[[Any], Any], finished: Callable[["Job"], None]) -> None:
        """Start."""
        self.state, self._work, self._finished = state, work, finished
        self.record: Any = None
        self.error: Exception | None = None
        self.done = threading.Event()
        threading.Thread(target=self._run, name="ssl_explain-reader", daemon=True).start()

    def _run(self) -> None:
        try:
            with own_modes():
                self.record = self._work(self.state)
        except Exception as error:  # it cannot reach a caller
            self.error = error
        self.done.set()
        self._finished(self)


class ReaderExplorer(Explorer[S]):
    """An explorer whose ``compute`` may call a :class:`ReaderFunction`, ``reader``.

    The controls never wait for it: the last sound picture stays until the result comes, and the read-out says what
    went wrong. Pause abandons a call. As a mixin it stands behind the class that it is mixed into.
    """

    reader: ReaderFunction | None = None
    waiting = False
    _job: Job | None = None

    def _first_record(self, state: Any) -> Any:
        """The first record; without one there is no picture, so errors are raised."""
        if self.reader is None:
            return super()._first_record(state)
        job = Job(state, self.compute, lambda _: None)
        if not job.done.wait(LATE):
            raise ReaderError(f"{self.reader.name} has not returned within {LATE:g} seconds.")
        if job.error is not None:
            raise job.error
        return job.record

    def refresh(self, old: Any) -> None:
        """Compute the present state in a thread of its own; while one computes, its end starts the newest state."""
        if self.reader is None:
            super().refresh(old)
        elif self._job is None:
            self._begin(self.reader)

    def _begin(self, reader: ReaderFunction) -> None:
        job = self._job = Job(self._state, self.compute, self._arrived)
        if job.done.wait(SOON):
            self._publish(job)
        else:
            self._tell(f"{reader.name} is still running. Pause abandons it.", waiting=True)

    def _arrived(self, job: Job) -> None:
        with self._lock:
            if self._job is job:  # not published already, nor abandoned
                self._publish(job)

    def _publish(self, job: Job) -> None:
        self._job = None
        if job.error is not None:
            self._tell(str(job.error), waiting=False)
        else:
            self.record = job.record
            self._draw()
            self._tell("", waiting=False)
        if job.state != self._state and self.reader is not None:
            self._begin(self.reader)

    def _tell(self, words: str, *, waiting: bool) -> None:
        """Say it in the read-out; while it is waiting, Pause can be pressed."""
        self.waiting = waiting
        if "view" in vars(self):
            self.view.image.note = words
        self._update_buttons()

    def pause(self) -> None:
        """Abandon a call that has not returned; what it returns later is not shown."""
        job, self._job = self._job, None
        if job is not None and self.reader is not None:
            name = self.reader.name
            words = f"{name} was abandoned. What it has begun goes on until the kernel is restarted."
            self._tell(words, waiting=False)
        super().pause()
