"""Clients of one address each: python -m bridge.single NAME_OF_THE_VARIABLE."""

import os
import re
import sys

import httpx

WIDGET = os.getenv("WIDGET_LLM_URL", "http://gpu-a:11434")
NOTEBOOK = os.getenv("NOTEBOOK_URL", "http://gpu-a:11434")
REPORTS = os.getenv("REPORTS_URL", "http://localhost:11434")
REPORTS_EMBED = os.getenv("REPORTS_EMBED_URLS", "http://gpu-b:11500").split()
POOL = re.split(r"[\s,]+", os.getenv("OLLAMA_POOL", "http://gpu-a:11434"))
MAILER = "http://" + os.getenv("MAILER_EMBED_HOST", "gpu-b:11500")
ISLAND = os.getenv("ISLAND_URL", "http://gpu-a:11434")

ADDRESSES = {
    "WIDGET_LLM_URL": [WIDGET],
    "NOTEBOOK_URL": [NOTEBOOK],
    "REPORTS_URL": [REPORTS, *REPORTS_EMBED],
    "OLLAMA_POOL": POOL,
    "MAILER_EMBED_HOST": [MAILER],
    "ISLAND_URL": [ISLAND],
}

if __name__ == "__main__":
    for address in ADDRESSES[sys.argv[1]]:
        print(address, httpx.get(f"{address.rstrip('/')}/api/version", timeout=5).json())
