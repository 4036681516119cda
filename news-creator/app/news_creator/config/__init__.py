"""What the service is told: its settings and what it says when one is wrong."""
