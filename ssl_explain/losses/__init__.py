"""Losses: from energies between views to a scalar."""
