"""The audit of recorded results: figures that cannot be true together."""
