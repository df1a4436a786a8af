"""Losses as sums of named terms, and what they make of one world of directions."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ssl_explain._record import record


@record
class Terms:
    """A loss, term by term: ``total`` is the sum of ``weights[name] * values[name]``."""

    values: Mapping[str, Tensor]
    weights: Mapping[str, float]

    @property
    def total(self) -> Tensor:
        """The loss itself."""
        return torch.stack([self.weights[name] * value for name, value in self.values.items()]).sum(0)
