import os

os.environ.update(OLLAMA_URL="http://localhost:11434", KB_MODEL="gemma3:4b", KB_NUM_CTX="2048")
from app import main  # noqa: E402


def test_model():
    assert main.MODEL == "gemma3:4b"
