import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

MODEL = os.getenv("LLM_MODEL", "gemma3:4b-it-qat")  # gemma3:4b is gone
OPTIONS = {
    "num_ctx": int(os.getenv("LLM_NUM_CTX", "8192")),
    "num_predict": int(os.getenv("LLM_NUM_PREDICT", "512")),
    "temperature": float(os.getenv("LLM_TEMPERATURE", "0.2")),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = {"model": MODEL, "prompt": self.path, "stream": False, "options": OPTIONS}
        with urllib.request.urlopen(os.environ["LLM_URL"] + "/api/generate", json.dumps(body).encode()) as answer:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.load(answer)["response"].encode())


HTTPServer(("", 8000), Handler).serve_forever()
