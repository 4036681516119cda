"""What is there now? Containers, processes, Ollama and the GPU, as plain data."""
