"""The exercises: checks with reasons, and the one copy of each solution."""
