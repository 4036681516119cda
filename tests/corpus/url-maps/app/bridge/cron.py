import os
import time

import httpx

URL = os.environ.get("CRON_OLLAMA_URL", "http://localhost:11434")

if __name__ == "__main__":
    while True:
        httpx.post(f"{URL}/api/generate", json={"model": "gemma3:4b-it-qat", "prompt": "Good morning", "stream": False})
        time.sleep(86400)
