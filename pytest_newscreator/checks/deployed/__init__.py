"""Level `deployed`: what the running services are, and were given."""
