"""One room per notebook: everything that one lesson alone needs."""
