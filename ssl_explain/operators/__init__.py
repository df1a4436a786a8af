"""The theory: what the gradient does, as operators."""
