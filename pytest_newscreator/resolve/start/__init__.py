"""What starts in a container, and what it does with what it is given."""
