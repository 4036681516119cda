"""What callers see: the HTTP interface."""
