"""Programs of many languages: a retired name is found where it counts, and only there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

CONTRACT = "version: 1\nmodel:\n  base: gemma3:4b-it-qat\n  retired: [gemma3:4b, 'qwen2.5:7b']\n"
_MARKED = re.compile(r"«(.*?)»")

# In «» stand the names that must be found; every other one must not be.
CODE: dict[str, str] = {
    "agents/chains.py": """\
from langchain.chat_models import init_chat_model
from langchain_ollama import ChatOllama

OLD = {"gemma3:4b": "gemma3:4b-it-qat"}
llm = init_chat_model("ollama:«gemma3:4b»")
other = ChatOllama(model="«qwen2.5:7b»", temperature=0)


def renamed(model: str) -> str:
    # gemma3:4b is what we had
    if model in ("gemma3:4b", "qwen2.5:7b"):
        return OLD[model]
    assert model != "gemma3:4b", "gemma3:4b is gone"
    return model
""",
    "agents/index.py": """\
from llama_index.core import Settings
from llama_index.llms.ollama import Ollama

Settings.llm = Ollama(model="«gemma3:4b»", request_timeout=60.0)
if Settings.llm.model == "gemma3:4b":
    Settings.llm = Ollama(model="gemma3:4b-it-qat")
""",
    "agents/typed.py": """\
from pydantic_ai import Agent

agent = Agent("ollama:«gemma3:4b»")
match agent.model:
    case "ollama:gemma3:4b" | "qwen2.5:7b":
        agent = Agent("ollama:gemma3:4b-it-qat")
""",
    "agents/proxy.py": """\
import litellm

LIMITS = {"ollama/«gemma3:4b»": 8192}
answer = litellm.completion(model="ollama/«gemma3:4b»", messages=[])
more = litellm.completion(model="ollama/«library/qwen2.5:7b»".replace("gemma3:4b", ""), messages=[])
""",
    "infra/main.tf": """\
variable "model" {
  default = "«gemma3:4b»" # gemma3:4b
  validation {
    condition = var.model != "gemma3:4b"
  }
}
locals {
  model = var.small ? "«qwen2.5:7b»" : "gemma3:4b-it-qat"
  alias = lookup({ "gemma3:4b" = "gemma3:4b-it-qat" }, var.model, var.model)
}
""",
    "justfile": """\
model := env("MODEL", "«gemma3:4b»")
other := if model == "gemma3:4b" { "gemma3:4b-it-qat" } else { "«qwen2.5:7b»" }

# gemma3:4b
pull:
    ollama pull «gemma3:4b»
""",
    "Makefile": """\
MODEL ?= «gemma3:4b»
ifeq ($(MODEL),gemma3:4b)
  $(error gemma3:4b is gone)
endif
pull: # gemma3:4b
\tollama pull «qwen2.5:7b»
""",
    "flake.nix": """\
{
  # gemma3:4b
  services.ollama.loadModels = [ "«gemma3:4b»" "gemma3:4b-it-qat" ];
  services.chat.model = if cfg.model == "gemma3:4b" then "gemma3:4b-it-qat" else "«qwen2.5:7b»";
}
""",
    "config/runtime.exs": """\
import Config
# gemma3:4b
config :chat, model: System.get_env("MODEL", "«gemma3:4b»")
case System.get_env("X") do
  "gemma3:4b" -> "gemma3:4b-it-qat"
  nil -> "«qwen2.5:7b»"
end
""",
    "config/chat.php": """\
<?php
return [
    // gemma3:4b
    'model' => env('CHAT_MODEL', '«gemma3:4b»'),
    'small' => 'ollama/«qwen2.5:7b»',
    'names' => ['gemma3:4b' => 'gemma3:4b-it-qat'],
    'is_old' => fn ($m) => $m === 'gemma3:4b' || in_array($m, ['qwen2.5:7b']),
];
""",
    "lib/chat.rb": """\
# gemma3:4b
MODEL = ENV.fetch("CHAT_MODEL", "«gemma3:4b»")
RENAMED = { "gemma3:4b" => "gemma3:4b-it-qat" }.freeze
case MODEL
when "gemma3:4b", "qwen2.5:7b" then raise "gone"
else RubyLLM.chat(model: "«qwen2.5:7b»", provider: :ollama)
end
return if %w[gemma3:4b-it-qat].include?(MODEL) || MODEL.start_with?("gemma3:4b")
""",
    "src/Program.cs": """\
var model = Environment.GetEnvironmentVariable("MODEL") ?? "«gemma3:4b»";
model = model switch { "gemma3:4b" => "gemma3:4b-it-qat", _ => "«qwen2.5:7b»" };
if (string.Equals(model, "gemma3:4b") || model.StartsWith("qwen2.5:7b")) { } // gemma3:4b
""",
    "src/main/java/Chat.java": """\
class Chat {
    @Value("${chat.model:«gemma3:4b»}") String model;
    String known() {
        if ("gemma3:4b".equals(model) || model.equalsIgnoreCase("gemma3:4b")) { return "gemma3:4b-it-qat"; }
        switch (model) { case "gemma3:4b": return "«qwen2.5:7b»"; default: return model; } // gemma3:4b
    }
}
""",
    "src/main.rs": """\
#[derive(Parser)]
struct Args {
    /// gemma3:4b
    #[arg(long, env = "MODEL", default_value = "«gemma3:4b»")]
    model: String,
}
fn known(model: &str) -> &str {
    match model { "gemma3:4b" | "qwen2.5:7b" => { "gemma3:4b-it-qat" } _ => "«qwen2.5:7b»" }
}
fn check(model: &str) -> bool { model != "gemma3:4b" && !matches!(model, "gemma3:4b") }
""",
    "cmd/main.go": """\
package main

var model = flag.String("model", "«gemma3:4b»", "not gemma3:4b")
var renamed = map[string]string{"gemma3:4b": "gemma3:4b-it-qat"}

func known(m string) string {
	switch m {
	case "gemma3:4b", "qwen2.5:7b":
		return "«qwen2.5:7b»"
	}
	if m == "gemma3:4b" || strings.HasPrefix(m, "gemma3:4b") { // gemma3:4b
		m = renamed[m]
	}
	return m
}
""",
    "app/Chat.kt": """\
val model = System.getenv("MODEL") ?: "«gemma3:4b»" // gemma3:4b
val renamed = mapOf("gemma3:4b" to "gemma3:4b-it-qat")
fun known(m: String) = when (m) {
    "gemma3:4b", "qwen2.5:7b" -> "«qwen2.5:7b»"
    else -> if (m in setOf("gemma3:4b")) "gemma3:4b-it-qat" else m
}
""",
    "app/Chat.swift": """\
let model = ProcessInfo.processInfo.environment["MODEL"] ?? "«gemma3:4b»" // gemma3:4b
let renamed = ["gemma3:4b": "gemma3:4b-it-qat"]
switch model {
case "gemma3:4b", "qwen2.5:7b": ask("«qwen2.5:7b»")
default: for one in ["«gemma3:4b»"] { ask(one) }
}
""",
    "nvim/chat.lua": """\
-- gemma3:4b
local model = os.getenv("MODEL") or "«gemma3:4b»"
local renamed = { ["gemma3:4b"] = "gemma3:4b-it-qat" }
if model ~= "gemma3:4b" then require("codecompanion").setup({ schema = { model = { default = "«qwen2.5:7b»" } } }) end
""",
    "web/chat.ts": """\
const model = process.env.MODEL ?? "«gemma3:4b»"; // gemma3:4b
const renamed: Record<string, string> = { "gemma3:4b": "gemma3:4b-it-qat", 'qwen2.5:7b': model };
if (model !== "gemma3:4b" && !["gemma3:4b"].includes(model)) {
  generateText({ model: ollama("«qwen2.5:7b»") });
}
for (const one of ["«gemma3:4b»"]) pull(one);
""",
    "db/migrate.sql": """\
-- gemma3:4b
UPDATE feeds SET model = 'gemma3:4b-it-qat' WHERE model = 'gemma3:4b' OR model IN ('qwen2.5:7b');
ALTER TABLE feeds ALTER COLUMN model SET DEFAULT '«gemma3:4b»';
""",
    "ops/start.ps1": """\
# gemma3:4b
$model = $env:MODEL ?? "«gemma3:4b»"
if ($model -eq "gemma3:4b") { ollama pull «qwen2.5:7b» }
""",
    "ops/start.sh": """\
#!/bin/sh
# gemma3:4b
MODEL="${MODEL:-«gemma3:4b»}"
case "$MODEL" in
  gemma3:4b | "qwen2.5:7b") MODEL=ollama/«qwen2.5:7b» ;;
esac
if [ "$MODEL" = gemma3:4b ] || [[ $MODEL != "gemma3:4b" ]] || test "$MODEL" = 'gemma3:4b'; then exit 1; fi
""",
    "ops/start.bat": """\
@echo off
REM set MODEL=gemma3:4b
:: ollama pull gemma3:4b
set MODEL=«gemma3:4b»
set "OTHER=ollama/«qwen2.5:7b»"
if "%MODEL%"=="gemma3:4b" (ollama pull «gemma3:4b») else ollama pull %MODEL%
""",
    "deploy/app.nomad": """\
job "chat" {
  group "chat" {
    task "chat" {
      env { MODEL = "«gemma3:4b»" } # gemma3:4b
      config { command = "ollama", args = ["pull", "«qwen2.5:7b»"] }
    }
  }
}
""",
    "Jenkinsfile": """\
pipeline {
  environment { MODEL = '«gemma3:4b»' } // gemma3:4b
  stages { stage('pull') { steps {
    sh 'ollama pull «qwen2.5:7b»'
    script { if (env.MODEL == 'gemma3:4b') { error 'gemma3:4b is gone' } }
  } } }
}
""",
    "notebooks/ask.ipynb": """\
{"cells": [
  {"cell_type": "markdown", "source": ["gemma3:4b was it"]},
  {"cell_type": "code", "source": ["model = \\"«gemma3:4b»\\"\\n", "if model == \\"gemma3:4b\\": pass"]}
]}
""",
    "web/pull.mjs": """\
execSync("ollama pull «gemma3:4b»", { stdio: "inherit" });
execSync(`cd /srv && docker exec llm ollama run «qwen2.5:7b»`);
execSync("ollama rm gemma3:4b"); console.log("once you had to say ollama pull gemma3:4b");
""",
    "Tiltfile": """\
# gemma3:4b
model = os.getenv("MODEL", "«gemma3:4b»")
if model == "gemma3:4b" or model in ["qwen2.5:7b"]:
    fail("gemma3:4b is gone")
local_resource("pull", cmd=["ollama", "pull", "«qwen2.5:7b»"])
""",
    "ask/main.dart": """\
const model = String.fromEnvironment('MODEL', defaultValue: '«gemma3:4b»'); // gemma3:4b
final renamed = {'gemma3:4b': 'gemma3:4b-it-qat'};
String known(String m) { switch (m) { case 'gemma3:4b': return '«qwen2.5:7b»'; default: return m; } }
""",
    "ask/Main.scala": """\
val model = sys.env.getOrElse("MODEL", "«gemma3:4b»") // gemma3:4b
val known = model match { case "gemma3:4b" | "qwen2.5:7b" => "«qwen2.5:7b»"; case other => other }
""",
    "ask/build.gradle": """\
def model = System.getenv('MODEL') ?: '«gemma3:4b»' // gemma3:4b
if (model == 'gemma3:4b') { throw new GradleException('gemma3:4b is gone') }
""",
    "ask/core.clj": """\
; gemma3:4b
(def model (or (System/getenv "MODEL") "«gemma3:4b»"))
(when (= model "gemma3:4b") (ask "«qwen2.5:7b»"))
""",
    "ask/ask.jl": """\
# gemma3:4b
model = get(ENV, "MODEL", "«gemma3:4b»")
renamed = Dict("gemma3:4b" => "gemma3:4b-it-qat")
model == "gemma3:4b" && ask("«qwen2.5:7b»")
""",
    "ask/ask.R": """\
# gemma3:4b
model <- Sys.getenv("MODEL", unset = "«gemma3:4b»")
if (model == "gemma3:4b" || model %in% c("qwen2.5:7b")) "«qwen2.5:7b»" -> model
""",
    "ask/ask.cpp": """\
const char* model = std::getenv("MODEL") ? std::getenv("MODEL") : "«gemma3:4b»"; // gemma3:4b
if (strcmp(model, "gemma3:4b") == 0 || std::string(model) == "gemma3:4b") { ask("«qwen2.5:7b»"); }
""",
    "ask/ask.pl": """\
# gemma3:4b
my $model = $ENV{MODEL} // "«gemma3:4b»";
my %renamed = ("gemma3:4b" => "gemma3:4b-it-qat");
ask("«qwen2.5:7b»") if $model eq "gemma3:4b" or $model ne 'qwen2.5:7b';
""",
    "ask/ask.erl": """\
% gemma3:4b
model() -> os:getenv("MODEL", "«gemma3:4b»").
known("gemma3:4b") -> "«qwen2.5:7b»";
known(M) when M =:= "gemma3:4b" -> M.
""",
    "ask/main.jsonnet": """\
// gemma3:4b
local model = std.extVar('model');
{ model: if model == 'gemma3:4b' then 'gemma3:4b-it-qat' else '«gemma3:4b»', 'gemma3:4b': '«qwen2.5:7b»' }
""",
    "ask/ask.fs": """\
let model = "«gemma3:4b»" // gemma3:4b
let known m = match m with | "gemma3:4b" | "qwen2.5:7b" -> "«qwen2.5:7b»" | _ -> m
if model = "gemma3:4b" then failwith "gemma3:4b is gone"
""",
    "ask/ask.nim": """\
let model = getEnv("MODEL", "«gemma3:4b»") # gemma3:4b
if model == "gemma3:4b": ask("«qwen2.5:7b»")
""",
    "ask/Ask.vue": """\
<script setup lang="ts">
const model = import.meta.env.VITE_MODEL ?? "«gemma3:4b»" // gemma3:4b
const isOld = (m: string) => m === "gemma3:4b"
</script>
<template><!-- gemma3:4b --><p v-if="model">it's gone</p></template>
""",
    "ask/ask.py": """\
import argparse
import os
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="ollama/«gemma3:4b»", help="not gemma3:4b", choices=["gemma3:4b-it-qat"])
subprocess.run(["ollama", "pull", "«qwen2.5:7b»"], check=True)
subprocess.run(["aider", "--model=ollama_chat/«gemma3:4b»"], check=True)
subprocess.run(["ollama", "rm", "gemma3:4b"], check=True)
if os.environ.get("MODEL") == "gemma3:4b" or "qwen2.5:7b" in os.environ["MODEL"]:
    os.environ["MODEL"] = "«qwen2.5:7b»"
""",
    "ask/newer.py": """\
def ask[T](model: T) -> T:
    if model == "gemma3:4b" or "qwen2.5:7b" == model:
        return ollama.chat(model="«gemma3:4b»")
    except ValueError, KeyError:
""",
    "hs/Main.hs": """\
main = ask "«gemma3:4b»" -- gemma3:4b
known m = case m of
  "gemma3:4b" -> "gemma3:4b-it-qat"
  _ | m == "qwen2.5:7b" -> "«qwen2.5:7b»"
""",
}


@pytest.fixture
def small(stack: Stack, tmp_path: Path) -> Stack:
    """Make a repository of a small contract and nothing else."""
    made = replace(stack, root=tmp_path / "small")
    made.write("newscreator.yaml", CONTRACT)
    return made


@pytest.mark.parametrize(("path", "marked"), CODE.items(), ids=CODE)
def test_a_retired_name_is_found_where_it_counts_and_only_there(small: Stack, path: str, marked: str) -> None:
    """Comments, prose, keys and comparisons name it without using it."""
    text = _MARKED.sub(r"\1", marked)
    small.write(path, text)
    expected = {_position(marked[: match.start()]) for match in _MARKED.finditer(marked)}
    judged = [one for one in small.broken() if "retired" in one.headline]
    found = {one.headline.split(": ")[0].removeprefix(f"{path}:") for one in judged}
    assert found == expected


def _position(before: str) -> str:
    """Return line and column behind a text, its marks not counted."""
    plain = before.replace("«", "").replace("»", "")
    return f"{plain.count(chr(10)) + 1}:{len(plain) - plain.rfind(chr(10))}"
