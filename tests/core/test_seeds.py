"""One seed gives several streams of random numbers, and no two of them are the same."""

import torch
from refusals import refused

from ssl_explain.seeds import generators


def numbers(generator):
    return torch.rand(50, generator=generator, dtype=torch.float64)


def test_the_first_stream_is_that_of_the_seed_itself():
    assert torch.equal(numbers(generators(3, 1)[0]), numbers(torch.Generator().manual_seed(3)))


def test_more_streams_leave_the_first_ones_as_they_are():
    few, many = ([numbers(g) for g in generators(5, n)] for n in (3, 6))
    assert all(torch.equal(a, b) for a, b in zip(few, many, strict=False))


def test_streams_of_neighbouring_seeds_all_differ():
    drawn = torch.stack([numbers(g) for seed in range(40) for g in generators(seed, 8)])
    assert len(torch.unique(drawn[:, 0])) == len(drawn)
    correlations = torch.corrcoef(drawn).fill_diagonal_(0)
    assert correlations.abs().max() < 0.75  # five standard errors of 50 numbers, over 51,040 pairs


test_what_is_no_seed_is_named = refused(
    (lambda: generators(-1, 2), "`seed` must be an integer from 0 to"),
    (lambda: generators(2**64, 2), "`seed` must be an integer from 0 to"),
    (lambda: generators(1, 0), "`n` must be an integer ≥ 1"),
)
