"""Level `resolved`: what Compose makes of the files."""
