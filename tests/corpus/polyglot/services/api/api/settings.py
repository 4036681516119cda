"""Settings of the API; `gemma3:4b` stays readable in old reports."""

import os

OLLAMA_URL = os.getenv("OLLAMA_URL", "http://localhost:11434")
LLM_MODEL = os.getenv("LLM_MODEL", "gemma3:4b-it-qat")
LLM_NUM_CTX = int(os.getenv("LLM_NUM_CTX") or "8192")
# asked when the first answer is empty
SECOND_OPINION = "gemma3:4b"
