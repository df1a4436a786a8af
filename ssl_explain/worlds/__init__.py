"""Worlds: data points and their augmented views."""
