"""Was written for gemma3:4b."""

import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

MODEL = os.environ["LLM_MODEL"]
OPTIONS = {"num_ctx": int(os.environ["LLM_NUM_CTX"]), "temperature": float(os.environ["LLM_TEMPERATURE"])}
TIMEOUT = float(os.environ.get("LLM_TIMEOUT", "60"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"model": MODEL, "prompt": self.path, "stream": False, "options": OPTIONS}
        request = urllib.request.Request(os.environ["LLM_URL"] + "/api/generate", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.load(answer)["response"].encode())


if __name__ == "__main__":
    HTTPServer(("", 8000), Handler).serve_forever()
