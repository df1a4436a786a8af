"""Switch off ambient modes of PyTorch, so that gradients do not depend on the modes of the caller."""

import dataclasses
import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ssl_explain import require

Record = TypeVar("Record")


@contextmanager
def own_modes(device: torch.device | None = None) -> Iterator[None]:
    """Switch gradients on, autocast and inference mode off, and a default device other than ``device`` and the CPU.

    All of these are settings of one thread. The default dtype is one of the process, so it is left as it is.
    Also a decorator: ``@own_modes()``.
    """
    foreign = _foreign({"cpu"} | ({device.type} if device else set()))
    if not foreign:
        yield
        return
    with ExitStack() as modes:
        for mode in foreign:
            modes.enter_context(mode)
        yield


def _foreign(kinds: set[str]) -> list[AbstractContextManager[Any]]:
    """Contexts that undo the modes that are switched on."""
    modes: list[AbstractContextManager[Any]] = []
    if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
        modes += [torch.inference_mode(False), torch.enable_grad()]
    modes += [torch.autocast(kind, enabled=False) for kind in kinds - {"meta"} if torch.is_autocast_enabled(kind)]
    if torch.empty(0).device.type not in kinds:  # eight times as fast as torch.get_default_device()
        modes.append(torch.device("cpu"))
    return modes


def trainable(net: nn.Module) -> list[nn.Parameter]:
    """The weights of a network that require gradients.

    Raises:
        ValueError: none, or weights made under ``torch.inference_mode``, which can never learn.
    """
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    if any(weight.is_inference() for weight in weights):
        got, remedy = "some made under torch.inference_mode", "make it outside, or train copy.deepcopy(net)"
        require.fail("net", "have weights that can learn", got, remedy)
    return weights


def usable(record: Record) -> Record:
    """The record with copies of tensors made under ``torch.inference_mode``, which autograd rejects."""
    if not dataclasses.is_dataclass(record):
        return record
    values: dict[str, Any] = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    born = {name: value for name, value in values.items() if isinstance(value, Tensor) and value.is_inference()}
    return dataclasses.replace(record, **{k: v.clone() for k, v in born.items()}) if born else record  # type: ignore


@functools.cache
def keep_memory() -> None:
    """Make glibc keep the memory that a step releases: to fetch it again page by page takes a third of a large step.

    Once a block of this size was released, glibc keeps up to twice as much. The block itself is never touched.
    """
    torch.empty(2**25 - 2**13, dtype=torch.uint8, device="cpu")
