"""What people and machines read afterwards: terminal, JSON and whatever a plugin adds."""
