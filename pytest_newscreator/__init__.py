"""Infrastructure conformance tests for self-hosted LLM stacks, as a pytest plugin."""

CONTRACT_NAME = "newscreator.yaml"
