"""What checks need to know of a stack: whose ground a place is, what is asked, and where an address leads."""
