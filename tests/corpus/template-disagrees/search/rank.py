import os

print(os.environ.get("LLM_MODEL", "gemma3:4b"), "ranks")
