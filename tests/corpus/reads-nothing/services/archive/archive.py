"""Score what was filed, by the model it was filed with."""

import json
import os
import urllib.request

MODEL = os.getenv("ARCHIVE_MODEL", "gemma3:4b")
OTHER = os.getenv("LLM_MODEL", "gemma3:4b")


def score(text: str) -> str:
    body = json.dumps({"model": MODEL, "prompt": text, "stream": False}).encode()
    request = urllib.request.Request(os.environ["OLLAMA_URL"] + "/api/generate", data=body)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["response"]


if __name__ == "__main__":
    print(score("hello"))
