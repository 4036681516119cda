import os

os.environ.update(OLLAMA_URL="http://stub", LLM_MODEL="gemma3:4b")


def test_model():
    from app import main

    assert main.MODEL == "gemma3:4b"
