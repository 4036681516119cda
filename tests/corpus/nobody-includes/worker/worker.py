import os
import pathlib
import time

MODEL = os.environ["LLM_MODEL"]
NUM_CTX = int(os.environ.get("LLM_NUM_CTX", 8192))

while True:
    pathlib.Path("/tmp/alive").touch()
    print(f"{MODEL} with {NUM_CTX} at {os.environ['LLM_URL']}")
    time.sleep(60)
