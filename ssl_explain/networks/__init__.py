"""Networks: from inputs to features."""
