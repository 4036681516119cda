import desk


def test_rooms(monkeypatch):
    monkeypatch.setitem(desk.ROOMS, "chat", ("http://localhost", "gemma3:4b"))
    assert "chat" in desk.rooms()
