import os
import sys

import httpx

from bridge.routes import by_url

# What is done without any routes at all.
LAST_RESORT = {"http://gpu-a:11434": "gemma3:4b", "http://gpu-b:11500": "bge-m3:567m"}
DEFAULT_MODEL = os.getenv("ROUTER_DEFAULT_MODEL", "gemma3:4b-it-qat")


def routes() -> dict[str, str]:
    name = "CANARY_ROUTES" if "--canary" in sys.argv else "MODEL_ROUTES"
    return by_url(os.environ.get(name, "")) or LAST_RESORT


def ask(prompt: str, model: str = DEFAULT_MODEL) -> str:
    url = next(url for url, served in routes().items() if served == model)
    reply = httpx.post(f"{url}/api/generate", json={"model": model, "prompt": prompt, "stream": False}, timeout=60)
    reply.raise_for_status()
    return reply.json()["response"]


if __name__ == "__main__":
    print(ask("Are you there?"))
