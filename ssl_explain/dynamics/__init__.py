"""The conductor: training and what it measures."""
