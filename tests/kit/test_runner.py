"""The streaming runner: every step is taken once, every stop is clean, and nobody who waits is starved."""

import threading

import pytest

from ssl_explain.kit import runner as module
from ssl_explain.kit.runner import FairLock, Runner

PATIENCE = 60  # seconds; never used up unless something hangs


class Job:
    """Count to ``end`` and remember what happened, in order."""

    def __init__(self, end=10**9, mark=10):
        self.end, self.mark = end, mark
        self.count, self.shown, self.ended = 0, [], 0
        self.reached, self.done = threading.Event(), threading.Event()
        self.runner = Runner(self.step, lambda: self.shown.append(self.count), self.finished)

    def step(self):
        self.count += 1
        if self.count == self.mark:
            self.reached.set()
        return self.count < self.end

    def finished(self):
        self.ended += 1
        self.done.set()

    def play(self):
        self.reached.clear()
        self.done.clear()
        self.runner.play()


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def runners():
    return [thread for thread in threading.enumerate() if thread.name == "ssl_explain-runner"]


@pytest.mark.parametrize("frame", [0.0, 0.01, 3600.0])
def test_runs_to_the_end_shows_the_last_state_and_says_so_once(monkeypatch, frame):
    monkeypatch.setattr(module, "FRAME", frame)
    job = Job(end=37)
    job.play()
    assert job.done.wait(PATIENCE)
    job.runner.pause()
    assert (job.count, job.shown[-1], job.ended) == (37, 37, 1)
    assert job.runner.stopping
    assert runners() == []


def test_pictures_that_take_too_long_do_not_stop_the_training(monkeypatch):
    """Every picture is late here; each is still followed by a step."""
    monkeypatch.setattr(module, "FRAME", 0.0)
    job = Job(end=20)
    job.play()
    assert job.done.wait(PATIENCE)
    assert job.shown == list(range(1, 21))


def test_pause_comes_back_when_all_is_still_and_play_goes_on_where_it_stood():
    job = Job()
    job.play()
    assert job.reached.wait(PATIENCE)
    assert job.runner.running
    assert not job.runner.stopping
    job.runner.pause()
    count = job.count
    assert runners() == []
    assert (job.shown[-1], job.ended) == (count, 1)
    job.runner.pause()
    assert (job.count, job.ended) == (count, 1)
    job = Job()
    job.play()
    assert job.reached.wait(PATIENCE)
    job.runner.pause()
    job.end = job.count + 7
    job.play()
    assert job.done.wait(PATIENCE)
    assert job.count == job.end
    assert job.shown == sorted(job.shown)


def test_play_twice_or_after_a_request_to_stop_is_play_once():
    job = Job()
    job.play()
    job.runner.play()
    assert len(runners()) == 1
    job.runner.pause()
    job = Job()
    for _ in range(5):
        job.play()
        job.runner.ask_to_stop()
        assert job.runner.stopping
    job.play()
    assert len(runners()) == 1
    job.runner.pause()
    assert job.ended == 6


def test_slow_motion_takes_so_many_steps_per_picture(monkeypatch):
    """A frame of an hour: after five steps it waits, and a pause wakes it up."""
    monkeypatch.setattr(module, "FRAME", 3600.0)
    job = Job(mark=5)
    job.runner.steps_per_frame = 5
    job.play()
    assert job.reached.wait(PATIENCE)
    job.runner.pause()
    assert (job.count, job.shown) == (5, [5])


@pytest.mark.parametrize("place", ["_step", "_show"])
def test_an_error_ends_the_run_and_is_kept_until_the_next(monkeypatch, place):
    job = Job(end=3)
    work = getattr(job.runner, place)

    def fail():
        raise RuntimeError("out of luck")

    setattr(job.runner, place, fail)
    job.play()
    assert job.done.wait(PATIENCE)
    assert str(job.runner.error) == "out of luck"
    assert job.runner.stopping
    setattr(job.runner, place, work)
    job.play()
    assert job.done.wait(PATIENCE)
    assert job.runner.error is None
    job.runner.pause()
    assert runners() == []


def test_pauses_from_within_and_from_several_threads_come_back():
    job = Job()
    job.runner._show = job.runner.pause
    job.play()
    assert job.done.wait(PATIENCE)
    job = Job()
    job.play()
    threads = [in_thread(job.runner.pause) for _ in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert runners() == []


def test_a_waiter_gets_in_while_a_busy_thread_loops():
    lock, stop, count = FairLock(), threading.Event(), [0]

    def busy():
        while not stop.is_set():
            with lock.yielding():
                count[0] += 1

    def visit():
        for _ in range(200):
            with lock:
                pass

    worker, visitor = in_thread(busy), in_thread(visit)
    visitor.join(PATIENCE)
    starved = visitor.is_alive()
    stop.set()
    worker.join(PATIENCE)
    assert not starved
    assert not worker.is_alive()


def test_whoever_waits_comes_before_the_busy_one():
    lock, order, waits, asked = FairLock(), [], threading.Event(), threading.Event()
    count = lock._wait

    def counted(change):
        count(change)
        if change == 1:
            waits.set()

    def visit():
        with lock:
            order.append("visitor")

    def busy():
        asked.set()
        with lock.yielding():
            order.append("busy")

    with lock:
        lock._wait = counted
        threads = [in_thread(visit)]
        assert waits.wait(PATIENCE)
        threads.append(in_thread(busy))
        assert asked.wait(PATIENCE)
        assert order == []
    for thread in threads:
        thread.join(PATIENCE)
    assert order == ["visitor", "busy"]


def test_a_turn_may_be_taken_again_by_who_has_it():
    lock = FairLock()
    with lock, lock, lock.yielding():
        pass
    assert lock._waiting == 0


def test_an_interrupted_wait_is_over():
    """Otherwise the busy thread would wait for somebody who has left, and with it everyone who pauses it."""

    class Interrupted:
        def acquire(self):
            raise KeyboardInterrupt

    lock = FairLock()
    free, lock._lock = lock._lock, Interrupted()
    with pytest.raises(KeyboardInterrupt), lock:
        pass
    lock._lock = free
    with lock.yielding():
        pass
    assert lock._waiting == 0
