"""The keys of the stack itself: models, services, cards and invocations."""

from __future__ import annotations

from typing import Final

from pytest_newscreator.contract import units
from pytest_newscreator.contract.shapes import Amount, ByForm, Choice, Keys, Many, Named, Number, Parameter, Text, Whole
from pytest_newscreator.contract.vocabulary import (
    ANY_VALUE,
    NAME,
    PARAMETER_NAME,
    PARAMETERS,
    PATH,
    VARIABLE,
    environment,
    model_name,
    variable,
)

MOST_TOKENS: Final = 100_000_000
HIGHEST_PORT: Final = 65_535

_VARIANT = Keys(
    title="Variant",
    about="A model made from the base by a Modelfile; requests name it.",
    example="{modelfile: Modelfile, num_ctx: 16384}",
    keys={
        "modelfile": Text(
            title="Modelfile",
            about="The Modelfile it is made from, relative to the contract and inside its folder.",
            example="ollama/Modelfile.news-16k",
        ),
        "num_ctx": Whole(
            title="Context length",
            about="The context length of the variant, in tokens: prompt and answer together.",
            example="16384",
            low=1,
            high=MOST_TOKENS,
        ),
    },
)

MODEL: Final = Keys(
    title="Model",
    about="One decided base, the variants made of it, and the switch that selects it.",
    example="{base: gemma3:4b-it-qat}",
    required=("base",),
    keys={
        "service": Text(
            title="Service",
            about="The service that serves it; left out, the only ollama or openai service of the contract.",
            example="backend",
        ),
        "base": model_name(
            "The model it is made from", "The decided base: every default must name it.", "gemma3:4b-it-qat"
        ),
        "switch": variable("Switch", "The environment variable that selects the base.", "OLLAMA_BASE_MODEL"),
        "rollback": model_name("Rollback", "The base that the switch must be able to bring back.", "gemma3:4b"),
        "retired": Many(
            title="Retired names",
            about="Models that no default and no literal may name any more.",
            example="[gemma3:4b]",
            of=model_name("Retired name", "A model that nothing may name any more.", "gemma3:4b"),
        ),
        "parameters": Named(
            title="Parameters",
            about="The parameters that every variant must have, as in its Modelfile.",
            example="{temperature: 0.15, num_batch: 1024}",
            name=PARAMETER_NAME,
            known=PARAMETERS,
            of=Parameter(title="Parameter", about="Its value: a number, true or false, a text or a list of texts."),
        ),
        "variants": Named(
            title="Variants",
            about="The models made from the base, by name.",
            example="{news-16k: {modelfile: Modelfile, num_ctx: 16384}}",
            of=_VARIANT,
            name=model_name("model name", "The name of the variant, as requests use it.", "news-16k"),
        ),
        "quantization": Text(
            title="Quantization", about="The quantization that the served model must report.", example="Q4_0"
        ),
        "digest": Text(
            title="Digest",
            about="The digest of the base, or the first 12 or more digits of it.",
            example='"sha256:a2af6cc3eb7f"',
            pattern=r"^(sha256[:-])?[0-9a-f]{12,64}$",
            says="12 to 64 hexadecimal digits, with or without 'sha256:' before them",
        ),
        "stop": Many(
            title="Stop texts",
            about="The texts at which an answer ends.",
            example='["<end_of_turn>"]',
            of=Text(title="Stop text", about="A text at which an answer ends.", example="<end_of_turn>"),
        ),
        "template": Text(
            title="Template", about="The prompt template the served model must have.", example='"{{ .Prompt }}"'
        ),
        "task": Choice(
            title="Task",
            about="What it is asked for: chat (text answers, the default) or embed (vectors).",
            example="embed",
            words=("chat", "embed"),
        ),
    },
)

_SETTING = ByForm(
    title="Setting",
    about="What one environment variable must hold: one value, a list of allowed ones, or the names of a model.",
    example="gemma3:4b-it-qat",
    forms=(
        ANY_VALUE,
        Many(
            title="Allowed values",
            about="Each of these values is right.",
            example="[q8_0, f16]",
            of=ANY_VALUE,
            least=1,
        ),
        Keys(
            title="Names of a model",
            about="The base and every variant of this model are right.",
            example="{model: news}",
            required=("model",),
            keys={"model": Text(title="The key of the model", about="The key of the model.", example="news")},
        ),
    ),
)

_REQUEST: Final = Keys(
    title="Probe request",
    about="A small request that makes the service ask its model; sent to a stack that the tests have started.",
    example="{path: /api/v1/summarize, body: {content: text}}",
    required=("path",),
    keys={
        "path": Text(
            title="Path",
            about="The path that is asked.",
            example="/api/v1/summarize",
            pattern=r"^/\S*$",
            says="a path that begins with /",
        ),
        "method": Choice(
            title="Method", about="POST where it is left out.", example="POST", words=("POST", "GET", "PUT")
        ),
        "body": ByForm(
            title="Body",
            about="What is sent as JSON: its members, or the whole as a text of JSON where it has others inside.",
            example="{content: text}",
            forms=(
                Text(title="JSON", about="The body as a text of JSON.", example='"{\\"messages\\": []}"'),
                Named(
                    title="Members",
                    about="The members of the body.",
                    example="{content: text}",
                    of=Parameter(title="Member", about="A number, true or false, a text or a list of texts."),
                    name=NAME,
                ),
            ),
        ),
    },
)

SERVICE: Final = Keys(
    title="Service",
    about="One process of the stack: how it is started or found, and what it must be given.",
    example="{kind: ollama, compose: ollama}",
    required=("kind",),
    one_of=(("compose", "process", "url"),),
    keys={
        "kind": Choice(
            title="What it speaks",
            about="ollama, openai (an OpenAI-compatible server), or http (any other service).",
            example="ollama",
            words=("ollama", "http", "openai"),
        ),
        "compose": Text(title="Compose service", about="Its name among the services of Compose.", example="ollama"),
        "process": Keys(
            title="Process",
            about="How it is started where there is no Docker.",
            example="{command: [ollama, serve]}",
            required=("command",),
            keys={
                "command": Many(
                    title="The command and its arguments",
                    about="The command and its arguments, each an item of its own: no shell reads it.",
                    example="[ollama, serve]",
                    of=ANY_VALUE,
                    least=1,
                ),
                "environment": environment("The variables it is started with.", "{OLLAMA_NUM_PARALLEL: 1}"),
            },
        ),
        "url": Text(
            title="Address",
            about="Where it already runs.",
            example="http://gpu-host:11434",
            pattern=r"^https?://[^\s/?#]+[^\s]*$",
            says="an address that begins with http:// or https://",
        ),
        "ca": Text(
            title="Certificate authority",
            about="The certificates that an https address is checked with, relative to the contract.",
            example="certs/ca.pem",
        ),
        "port": Whole(
            title="Port",
            about="The port it listens on, inside its container; 11434 for kind ollama where it is left out.",
            example="11434",
            low=1,
            high=HIGHEST_PORT,
        ),
        "health": Text(
            title="Health path",
            about="The path that answers when it is healthy.",
            example="/health",
            pattern=r"^/\S*$",
            says="a path that begins with /",
        ),
        "request": _REQUEST,
        "gpu": Text(title="GPU", about="The card it runs on, one of `gpus`.", example="rtx"),
        "ready_within": Amount(
            title="Ready within",
            about="How long it may take from start to healthy; 2 min where it is left out.",
            example="10 min",
            quantity=units.DURATION,
        ),
        "settings": Named(
            title="Settings",
            about="The environment variables that decide how it behaves, and what they must hold.",
            example="{OLLAMA_NUM_PARALLEL: 1}",
            of=_SETTING,
            name=VARIABLE,
        ),
        "options": Named(
            title="Request options",
            about="Which of its settings is which option of the requests it sends.",
            example="{num_ctx: LLM_NUM_CTX}",
            of=variable("Setting", "One of the settings of this service.", "LLM_NUM_CTX"),
            name=PARAMETER_NAME,
            known=PARAMETERS,
        ),
        "uses": Named(
            title="Uses",
            about="The models it calls, each with the variable that holds the address: it must reach that model.",
            example="{news: LLM_SERVICE_URL}",
            of=variable("Address variable", "The variable that holds the address.", "LLM_SERVICE_URL"),
            name=NAME,
        ),
    },
)

GPU: Final = Keys(
    title="GPU",
    about="A card, and what may be used of it.",
    example="{memory: 8188 MiB, vram_budget: 7000 MiB}",
    keys={
        "memory": Amount(
            title="Memory",
            about="The memory of the card as its driver reports it.",
            example="8188 MiB",
            quantity=units.MEMORY,
        ),
        "vram_budget": Amount(
            title="VRAM budget",
            about="The most that the models may take, with room for everything else on the card.",
            example="7000 MiB",
            quantity=units.MEMORY,
        ),
        "temperature_max": Number(
            title="Highest temperature",
            about="The temperature that the card must not pass, in degrees Celsius.",
            example="85",
            low=1,
            high=150,
            unit="degrees Celsius",
        ),
    },
)

INVOCATION: Final = Keys(
    title="Invocation",
    about="One way in which people really start the stack.",
    example="{files: [compose.yaml]}",
    keys={
        "files": Many(
            title="Compose files",
            about="The files as `-f` gives them, in order; left out, Compose's own default names.",
            example="[compose.yaml]",
            of=PATH,
        ),
        "env_files": Many(
            title="Env files",
            about="The files as `--env-file` gives them, in order; left out, Compose's own `.env` rules.",
            example="[.env]",
            of=PATH,
        ),
        "environment": environment("The variables set in the shell that starts it.", "{OLLAMA_BASE_MODEL: gemma3:4b}"),
        "profiles": Many(
            title="Profiles",
            about="The profiles that are switched on.",
            example="[gpu]",
            of=Text(title="Profile", about="A profile of the Compose files.", example="gpu"),
        ),
        "project_directory": Text(
            title="Project directory",
            about="The folder as `--project-directory` gives it; left out, that of the first file.",
            example="deploy",
        ),
        "base": Named(
            title="Other bases",
            about="The models that have another base when the stack is started this way.",
            example="{news: gemma3:4b}",
            of=model_name("Base", "The base of the model under this invocation.", "gemma3:4b"),
            name=NAME,
        ),
    },
)
