"""Tests of what is refused, and in which words."""

import inspect

import pytest
import torch


def refused(*cases, error=ValueError):
    """A test that every call is refused in its words; a call that takes an argument gets a generator."""

    @pytest.mark.parametrize(("call", "words"), cases)
    def test(call, words):
        given = [torch.Generator().manual_seed(0)] * len(inspect.signature(call).parameters)
        with pytest.raises(error, match=words):
            call(*given)

    return test
