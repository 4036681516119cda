"""Level `served`: what Ollama and the application really use."""
