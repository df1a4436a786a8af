"""Independent streams of random numbers from one seed."""

import numpy as np
import torch

from ssl_explain import require


def generators(seed: int, n: int) -> tuple[torch.Generator, ...]:
    """Return ``n`` generators with independent streams, one for each random quantity of an experiment.

    The first is ``torch.Generator().manual_seed(seed)``; the others are seeded with a hash of seed and position
    (NumPy's ``SeedSequence``), so a larger ``n`` does not change the first ones.

    Raises:
        ValueError: a seed below 0 or of more than 63 bits, no generators.

    Example:
        >>> world, network = generators(1, 2)
        >>> world.initial_seed(), network.initial_seed() == generators(1, 3)[1].initial_seed()
        (1, True)
    """
    require.integer("seed", seed, 0, "any whole number below 2^63 will do", high=2**63 - 1)
    require.integer("n", n, 1, "ask for one stream at least")
    others = [np.random.SeedSequence(seed, spawn_key=(k,)) for k in range(1, n)]
    seeds = [seed, *(int(other.generate_state(1, np.uint64)[0] >> np.uint64(1)) for other in others)]
    return tuple(torch.Generator().manual_seed(one) for one in seeds)


def generator_on(device: str) -> torch.Generator:
    """A generator on a device; what it draws is on that device too.

    Raises:
        ValueError: a device that PyTorch does not know, was built without, or does not find.
    """
    try:
        torch.empty(0, device=device)  # a GPU build makes the generator even without a GPU, but no tensor
        return torch.Generator(device)
    except (RuntimeError, AssertionError) as error:  # PyTorch says "not compiled with CUDA" by an AssertionError
        raise ValueError(
            f"`device` must be one that this PyTorch ({torch.__version__}) can use, got {device!r} "
            f'({str(error).splitlines()[0]}); take "cpu", or install a GPU build on a machine with a GPU.'
        ) from error
