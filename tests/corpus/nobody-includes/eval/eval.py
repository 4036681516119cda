import os
import pathlib

pathlib.Path("/tmp/alive").touch()
print("scores", os.environ["EVAL_MODEL"], "at", os.environ["LLM_URL"], "against the numbers of gemma3:4b")
