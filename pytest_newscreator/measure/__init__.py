"""How fast, how large, how good: requests, clocks and statistics."""
