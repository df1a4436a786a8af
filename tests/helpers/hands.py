"""What JupyterLab sends when somebody moves a control or presses a button, and what is then seen."""

import io
import itertools
import threading

from PIL import Image

PATIENCE = 60  # seconds; never used up unless something hangs


def browser(widget, **state):
    """What JupyterLab sends when a control moves."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def click(widget):
    widget._handle_msg({"content": {"data": {"method": "custom", "content": {"event": "click"}}}, "buffers": []})


def every(widget):
    return [widget, *itertools.chain.from_iterable(every(child) for child in getattr(widget, "children", ()))]


def frame(explorer):
    return Image.open(io.BytesIO(explorer.view.jpeg)).convert("RGB")


def play_to(explorer, step):
    """Press Play and come back once ``step`` has been reached; training goes on."""
    reached = threading.Event()
    take = explorer._step

    def watched():
        more = take()
        if explorer._run.training.step >= step:
            reached.set()
        return more

    explorer._runner._step = watched
    explorer.play()
    assert reached.wait(PATIENCE)


def join(explorer):
    """Wait until what goes on in the background ends by itself."""
    thread = explorer._runner._thread
    if thread is not None:
        thread.join(PATIENCE)
        assert not thread.is_alive()
