"""Level `measured`: what the figures say, and whether they can be true."""
