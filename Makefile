# README's two commands are `make check` and `make test`; the rest is for working on the project.
.PHONY: check test matrix mutants bench bench-stack lint format setup clean
SHELL := /bin/bash

check:
	@scripts/check.sh

test:
	@scripts/test.sh

matrix:
	@scripts/matrix.sh

mutants: setup
	PYTHONPATH=tests .venv/bin/python -m mutants.score

bench: setup
	.venv/bin/python benchmarks/static.py

bench-stack: setup
	.venv/bin/python benchmarks/stack.py

setup:
	@scripts/setup.sh

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache report dist
