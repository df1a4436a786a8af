"""Keep PyTorch's ambient modes out: what computes gradients here does so alike whatever is switched on around it."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Record = TypeVar("Record")


@contextmanager
def own_modes(device: torch.device | None = None) -> Iterator[None]:
    """Switch gradients on, autocast and inference mode off, and a default device other than ``device`` and the CPU.

    All of these belong to one thread, so no other one notices. The default dtype belongs to all threads: it stays.
    Also a decorator: ``@own_modes()``.
    """
    kinds = {"cpu"} | ({device.type} if device else set())
    with ExitStack() as modes:
        if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
            modes.enter_context(torch.inference_mode(False))
            modes.enter_context(torch.enable_grad())
        for kind in kinds - {"meta"}:
            if torch.is_autocast_enabled(kind):
                modes.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type not in kinds:
            modes.enter_context(torch.device("cpu"))
        yield


def trainable(net: nn.Module) -> list[nn.Parameter]:
    """The weights of a network that learn.

    Raises:
        ValueError: none, or weights made under ``torch.inference_mode``, which can never learn.
    """
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    if any(weight.is_inference() for weight in weights):
        raise ValueError(
            "`net` must have weights that can learn, got some made under torch.inference_mode; "
            "make it outside, or train copy.deepcopy(net)."
        )
    return weights


def usable(record: Record) -> Record:
    """The same record, its tensors copied if they were made under ``torch.inference_mode``: no gradient takes those."""
    if not dataclasses.is_dataclass(record):
        return record
    values: dict[str, Any] = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    born = {name: value for name, value in values.items() if isinstance(value, Tensor) and value.is_inference()}
    return dataclasses.replace(record, **{k: v.clone() for k, v in born.items()}) if born else record  # type: ignore
