"""What the journeys of one process share, and which of two processes makes which of them."""

from collections.abc import Iterator

import pytest
from lab import Server, jupyter_lab
from xdist.scheduler import LoadScopeScheduling

SECOND = ("test_run_all_again", "test_keyboard", "test_tree_page")  # take about as long as all others together


class Halves(LoadScopeScheduling):
    """Two pieces of work, and no third that would begin when one of them is done."""

    def _split_scope(self, nodeid: str) -> str:
        return str(any(name in nodeid for name in SECOND))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Halves:
    """Hand one half of the journeys to each process."""
    return Halves(config, log)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A JupyterLab."""
    with jupyter_lab() as server:
        yield server
