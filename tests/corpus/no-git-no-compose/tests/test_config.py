from app.config import Config


def test_model(monkeypatch):
    monkeypatch.setenv("LLM_MODEL", "gemma3:4b")
    assert Config().llm_model == "gemma3:4b"
