"""News Creator: summaries of Japanese news articles by a local model that Ollama serves.

Imports go one way: domain <- config <- gateway <- service <- api <- main.
"""
