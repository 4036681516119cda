import json
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from api import settings


def ask(prompt: str) -> str:
    for model in (settings.LLM_MODEL, settings.SECOND_OPINION):
        body = {"model": model, "prompt": prompt, "stream": False, "options": {"num_ctx": settings.LLM_NUM_CTX}}
        request = urllib.request.Request(f"{settings.OLLAMA_URL}/api/generate", json.dumps(body).encode())
        with urllib.request.urlopen(request) as answer:
            if text := json.load(answer)["response"]:
                return text
    raise RuntimeError("neither gemma3:4b-it-qat nor gemma3:4b had anything to say")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ask("Greet.").encode() if self.path == "/ask" else b"ok")


if __name__ == "__main__":
    HTTPServer(("", 8300), Handler).serve_forever()
