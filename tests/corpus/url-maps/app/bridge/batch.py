import json
import os

from bridge.routes import by_model


def endpoints() -> dict[str, str]:
    fixed = json.loads(os.environ["BATCH_ENDPOINTS"])
    return {**fixed, **by_model(os.environ["BATCH_ROUTES"])}


if __name__ == "__main__":
    for model, url in endpoints().items():
        print(model, url)
