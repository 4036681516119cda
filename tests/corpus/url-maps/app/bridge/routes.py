"""Maps of two directions: `url=model` (the router) and `model=url` (batch).

A map like http://gpu-a:11434=gemma3:4b splits at the last `=`.
"""

LONG_NAMES = ("gemma3:4b-it-q4_K_M", "nomic-embed-text:v1.5-fp16")


def by_url(text: str) -> dict[str, str]:
    pairs = (entry.rpartition("=") for entry in text.split(",") if entry.strip())
    return {url.strip(): model.strip() for url, _, model in pairs}


def by_model(text: str) -> dict[str, str]:
    found = {}
    for entry in text.split(","):
        model, separator, url = entry.partition("=")
        if not separator:
            raise ValueError(f"{entry!r} is no route, should be like 'gemma3:4b=http://somewhere:11434'")
        found[model.strip()] = url.strip()
    return found
