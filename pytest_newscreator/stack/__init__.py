"""Bring the stack up, or attach to the one that runs; nothing that was not created here is ever stopped."""
