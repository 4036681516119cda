"""Shell scripts by tree-sitter: what they say, and what a run of them on paper does."""
