"""What is true of articles, prompts and windows, whoever serves the model."""
