"""Readers: what does this file say? One module a file kind, from text to places where settings get values."""
