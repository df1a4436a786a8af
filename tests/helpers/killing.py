"""Do something in a process of its own, and kill that process at its n-th touch of the file system."""

import os
import signal
import sys
import traceback
from collections.abc import Callable

WATCHED = ("open", "os.", "tempfile.", "fcntl.", "shutil.")  # audit events
HARMLESS = ("os.listdir", "os.scandir", "os.fork")


def apart(action: Callable[[], object]) -> int:
    """The exit status of an action in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def survives(moment: int, action: Callable[[], object]) -> bool:
    """Whether an action ended before its n-th touch, at which SIGKILL was waiting for it."""
    left = [moment]

    def hook(event: str, _: object) -> None:
        if event.startswith(WATCHED) and event not in HARMLESS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watched() -> None:
        sys.addaudithook(hook)
        action()

    code = apart(watched)
    assert code in (0, -signal.SIGKILL), (moment, code)
    return code == 0
