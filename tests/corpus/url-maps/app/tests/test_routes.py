from bridge.routes import by_model, by_url


def test_both_directions():
    assert by_url("http://gpu-a:11434=gemma3:4b") == {"http://gpu-a:11434": "gemma3:4b"}
    assert by_model("nomic-embed-text:v1.5=http://gpu-b:11500") == {"nomic-embed-text:v1.5": "http://gpu-b:11500"}
