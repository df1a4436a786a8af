"""The wishes: each turns energies between views into a number."""
