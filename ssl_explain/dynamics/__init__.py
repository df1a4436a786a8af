"""Training, gradient flow, and what is measured on the way."""
