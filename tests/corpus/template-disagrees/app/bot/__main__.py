"""Answers POST /ask; `gemma3:4b` did so until the move."""

import json
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from bot import config


def ask(prompt: str, model: str) -> str:
    body = {"model": model, "prompt": prompt, "stream": False, "options": config.options()}
    with urllib.request.urlopen(f"{config.BASE_URL}/api/generate", json.dumps(body).encode()) as answer:
        return json.load(answer)["response"]


class Bot(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        prompt = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            text = ask(prompt, config.MODEL)
        except urllib.error.HTTPError:
            text = ask(prompt, config.FALLBACK)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())


HTTPServer(("", 8000), Bot).serve_forever()
