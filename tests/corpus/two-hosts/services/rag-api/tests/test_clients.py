from app.settings import Settings


def test_the_old_names_still_work(monkeypatch):
    monkeypatch.setenv("CHAT_MODEL", "qwen2.5:7b")
    monkeypatch.setenv("EMBED_MODEL", "nomic-embed-text:v1.5")
    assert Settings().chat_model == "qwen2.5:7b"
