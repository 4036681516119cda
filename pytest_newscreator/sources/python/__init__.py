"""Python files by their syntax trees, read together."""
