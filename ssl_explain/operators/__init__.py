"""Operators of the theory: what the gradient does to the weights of a layer."""
