"""The one door to Ollama."""
