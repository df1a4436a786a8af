"""The students: each turns inputs into features."""
