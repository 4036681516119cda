def test_an_empty_model_is_the_default(monkeypatch):
    monkeypatch.setenv("LLM_MODEL", "")
    from bot import config

    assert config.MODEL != "gemma3:4b"
