import argparse
import os

parser = argparse.ArgumentParser()
parser.add_argument("--baseline", default="gemma3:4b")
print(parser.parse_args().baseline, "and", os.environ.get("MODELS", "gemma3:4b"))
