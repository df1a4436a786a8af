"""One folder per notebook, with everything that this lesson alone needs."""
