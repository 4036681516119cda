"""What Compose makes of its files for one way of starting them."""
