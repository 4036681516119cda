"""What Ollama makes of texts, by version: names, Modelfiles, variables, commands, options."""
