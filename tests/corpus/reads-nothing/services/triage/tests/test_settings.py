from app.settings import TriageSettings


def test_model_from_environment(monkeypatch):
    monkeypatch.setenv("TRIAGE_MODEL", "gemma3:4b")
    assert TriageSettings().model == "gemma3:4b"
