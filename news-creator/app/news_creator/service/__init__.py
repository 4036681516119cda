"""What the service does: summarise."""
