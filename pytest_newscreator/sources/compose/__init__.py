"""Compose files as they stand, and the grammar of their `${}`."""
