"""`newscreator.yaml` as types: what the stack is supposed to be."""
