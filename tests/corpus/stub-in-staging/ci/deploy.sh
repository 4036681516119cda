#!/usr/bin/env bash
# usage: ci/deploy.sh production|staging
set -euo pipefail
export LLM_MODEL="${LLM_MODEL:-gemma3:4b-it-qat}"   # gemma3:4b: see the incident of 12 March
docker compose -f compose.base.yaml -f "compose.$1.yaml" up -d --wait
