def test_default(monkeypatch):
    monkeypatch.setenv("LLM_MODEL", "gemma3:4b")
    from api import settings

    assert settings.LLM_MODEL == "gemma3:4b"
