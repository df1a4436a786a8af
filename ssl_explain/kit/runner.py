"""A background thread that takes steps, draws about sixteen times a second, and stops at once when asked."""

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from ssl_explain.records import Trace
from ssl_explain.torch_modes import own_modes

FRAME = 0.064  # seconds between pictures: faster costs steps, slower stutters


class Run(Protocol):
    """A training run whose settings may change between steps."""

    net: Any
    step: int
    stopped: str | None
    strength: float
    learning_rate: float
    objective: Any

    def advance(self, steps: int = 1) -> None:
        """Take some steps."""

    def trace(self, *, now: bool = True) -> Trace:
        """What was measured so far, the present state included if ``now``."""


class FairLock:
    """A reentrant lock whose :meth:`yielding` lets all waiting threads go first.

    Python's locks are not fair: a thread that releases one and takes it again at once starves all others.
    While it is held, modes of PyTorch that a notebook may have switched on (no_grad, autocast) are off.
    """

    def __init__(self) -> None:
        """Start unlocked."""
        self._lock = threading.RLock()
        self._modes: list[AbstractContextManager[None]] = []  # one per nested acquisition
        self._count = threading.Lock()
        self._waiting = 0

    def _wait(self, change: int) -> None:
        with self._count:
            self._waiting += change

    def __enter__(self) -> None:
        self._wait(1)
        try:
            self._lock.acquire()
        finally:  # also after an interrupt, or `yielding` would wait for ever
            self._wait(-1)
        try:
            modes = own_modes()
            modes.__enter__()
            self._modes.append(modes)
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self._modes.pop().__exit__(None, None, None)
        finally:
            self._lock.release()

    @contextmanager
    def yielding(self) -> Iterator[None]:
        """Acquire the lock when no other thread waits for it."""
        while self._waiting:
            time.sleep(0.0005)
        with self._lock:
            yield


def weak_method(method: Callable[[], Any]) -> Callable[[], Any]:
    """A method through a weak reference; once its object is gone, the call returns False."""
    reference = weakref.WeakMethod(method)

    def call() -> Any:
        alive = reference()
        return alive() if alive is not None else False

    return call


class Runner:
    """Call ``step()`` until it returns False, and ``show()`` every ``frame`` seconds, in a thread of its own.

    ``pause`` returns when the thread has ended, at most one step and one picture later; the last state is always
    shown, and ``finished()`` is called however the thread ended. ``steps_per_frame`` limits the steps per picture,
    0 for as many as fit. An interrupt of the kernel does not stop the thread: use ``pause``.
    """

    def __init__(self, step: Callable[[], bool], show: Callable[[], None], finished: Callable[[], None]) -> None:
        """Store the three functions; :meth:`play` starts the thread."""
        self._step, self._show, self._finished = step, show, finished
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.steps_per_frame, self.frame = 0, FRAME
        self.error: Exception | None = None

    @property
    def stopping(self) -> bool:
        """True if the thread has stopped or was asked to."""
        return self._stop.is_set() or not self.running

    def ask_to_stop(self) -> None:
        """Stop after the present step, without waiting for it."""
        self._stop.set()

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def play(self) -> None:
        """Start the thread unless it runs already."""
        if self.stopping:
            self.pause()
            self._stop.clear()
            self.error = None
            self._thread = threading.Thread(target=self._loop, name="ssl_explain-runner", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Stop after the present step and wait for it."""
        self._stop.set()
        thread = self._thread  # other threads may call `pause` or `play` meanwhile
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._thread is thread:
            self._thread = None

    def _loop(self) -> None:
        try:
            more, due = True, time.perf_counter()
            while more and not self._stop.is_set():
                # However long a picture takes, training gets at least half a frame and one step.
                due, steps = max(due + self.frame, time.perf_counter() + self.frame / 2), 0
                while more and not self._stop.is_set() and (steps == 0 or time.perf_counter() < due):
                    more = self._step()
                    steps += 1
                    if steps == self.steps_per_frame:
                        self._stop.wait(max(0.0, due - time.perf_counter()))
                self._show()
        except Exception as error:  # it cannot reach a caller, so the explorer shows it
            self.error = error
        self._stop.set()
        self._finished()
