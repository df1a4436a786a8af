"""The worlds: each draws views of data points."""
