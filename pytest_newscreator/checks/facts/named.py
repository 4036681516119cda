"""Which names the programs of a service read: known readers say it, and where none is, the name's text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePosixPath

from pytest_newscreator.checks.facts.effective import container
from pytest_newscreator.checks.hygiene.subjects import Started, dockerfile_of, started
from pytest_newscreator.contract.model import Service
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import reading
from pytest_newscreator.sources import dotenv
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.ollama import modelfile

_COMMANDS = ("command", "entrypoint", "healthcheck", "pre_start", "post_start", "configs")
_PLAIN = re.compile(
    r"alma|almalinux|alpine|amazoncorretto|amazonlinux|archlinux|base-debian12|bun|busybox|clang|cuda|dart|debian"
    r"|deno|eclipse-temurin|elixir|erlang|fedora|gcc|go|golang|gradle|haskell|java|jdk|jre|julia|maven|micromamba"
    r"|miniconda3|mono|node|opensuse|openjdk|perl|php|pypy|python|rockylinux|rocm-terminal|ruby|rust|scratch|static"
    r"|swift|ubi8|ubi9|ubi-minimal|ubuntu|uv|wolfi-base"
)
_PLAIN_PUBLISHERS = re.compile(r"(?:^|/)(?:distroless|dotnet|rocm|ubi[0-9]*)/")
_MANIFESTS = re.compile(
    r"requirements.*\.txt|constraints.*\.txt|pyproject\.toml|setup\.(?:py|cfg)|Pipfile|environment\.ya?ml|package\.json"
    r"|go\.mod|Cargo\.toml|Gemfile|composer\.json|pom\.xml|build\.gradle(?:\.kts)?|mix\.exs|.*\.csproj"
)
_OF_RUNTIMES = re.compile(
    r"(?:PYTHON|PYTORCH_|TORCH|NODE_|JAVA_|JDK_|GO(?:GC|DEBUG|MAXPROCS|MEMLIMIT|TRACEBACK)|RUST_|DOTNET_|ASPNETCORE_|SPRING_"
    r"|OTEL_|HF_|TRANSFORMERS_|TOKENIZERS_|CUDA_|NVIDIA_|HIP_|ROCR_|OMP_|MKL_|OPENBLAS_|MALLOC_|LD_|LC_|LANG|TZ\Z|PATH\Z"
    r"|HOME\Z|GUNICORN_|UVICORN_|WEB_CONCURRENCY|FORWARDED_|SSL_|REQUESTS_|CURL_|AWS_|AZURE_|GOOGLE_|\w+_(?:PROXY|proxy)\Z)"
)
_OWN_NAME = re.compile(r"^\s*(?:module\s|name\s*=|\"name\"\s*:|name:).*", re.MULTILINE)
_INSTALLED = re.compile(r"\b(?:install|add|get)\b[^;&|]*")
_COMMENT = re.compile(r"^\s*(?:#|//).*", re.MULTILINE)
_WHOLE_ENVIRONMENT = re.compile(
    r"environ\.(?:items|copy|keys|values)|\*\*\s*(?:os\.)?environ|(?:dict|list|sorted)\((?:os\.)?environ"
    r"|\bin\s+(?:os\.)?environ\b|Environ\(\)|getenv\(\)|AutomaticEnv|SetEnvPrefix|env_?prefix|env_nested"
    r"|[Dd]ynaconf|environs|envconfig|Env::|AddEnvironmentVariables|[Ss]pring|ConfigurationProperties|micronaut|quarkus"
    r"|Object\.\w+\(process\.env|\.\.\.process\.env|(?:=|\()\s*process\.env\s*[;,)\n]|env::vars|config::Environment"
    r"|printenv|/environ\b|\benv\s*\||compgen|\$\{!|ENV\.(?:each|to_h|select)|\$_ENV\b",
)


class Named:
    """The names that what a service starts may read from its environment, as far as its repository tells."""

    def __init__(self, repository: Repository, service: Service) -> None:
        """Remember whose names; nothing is read yet."""
        self.repository = repository
        self.service = service

    @cached_property
    def starts(self) -> tuple[Started, ...]:
        """Return the service under each invocation that starts it."""
        return started(self.repository, self.service)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Return the names that readers found: in the files of the image, and in the scripts that it starts."""
        scripts = (script for one in self.starts for script in container(one).running.startup.scripts)
        found = (reading(script.source).reads for script in dict.fromkeys(scripts))
        return self.repository.reading(self.service).union(*found)

    @cached_property
    def shipped(self) -> dict[str, str]:
        """Return the text of each file that counts and gets into the container, by its path."""
        paths = (path for path in self.repository.files if self._may_read(path) and self._arrives(path))
        sources = ((path, self.repository.source(path)) for path in paths)
        return {path: source.text for path, source in sources if source is not None}

    @cached_property
    def oversized(self) -> tuple[str, ...]:
        """Return the files in the container that nobody reads, since they are too large: they may read any name."""
        return tuple(path for path in self.repository.oversized if self._may_read(path) and self._arrives(path))

    def _may_read(self, path: str) -> bool:
        """Return whether a file is a program or is read by one; what gives names to containers reads none."""
        gives = dockerfile.matches(path) or dotenv.READER.matches(path) or modelfile.READER.matches(path)
        return not gives and path not in self.repository.loaded_files

    @cached_property
    def _mounted(self) -> frozenset[str]:
        """Return what the service mounts of the repository."""
        return frozenset(mount.source for one in self.starts for mount in one.compose.volumes if mount.source)

    def _arrives(self, path: str) -> bool:
        """Return whether a file gets into the container: into its image, or below a mount."""
        is_mounted = any(PurePosixPath(path).is_relative_to(source) for source in self._mounted)
        return is_mounted or self.repository.is_shipped(self.service, path)

    @cached_property
    def unread(self) -> str:
        """Return the text of what no reader tells the names of: commands, health checks, files of other kinds."""
        known = {path for path, read in self.repository.reads.items() if read.reads}
        texts = (_COMMENT.sub("", text) for path, text in self.shipped.items() if path not in known)
        return "\n".join((*self._commands(), *texts))

    @cached_property
    def text(self) -> str:
        """Return all that is in the container as text, without lines that are comments, and its commands."""
        return "\n".join((*self._commands(), *(_COMMENT.sub("", text) for text in self.shipped.values())))

    def _commands(self) -> Iterator[str]:
        """Yield what Compose and the Dockerfile run; what they only give is no reading."""
        for one in self.starts:
            yield from (str(node.value) for node in map(one.compose.get, _COMMANDS) if node is not None)
            file = dockerfile_of(self.repository, one.compose)
            for line in (line for stage in file.stages for line in stage.instructions) if file else ():
                if line.keyword not in {"ENV", "ARG"}:
                    yield from (line.rest.text, *(heredoc.body.text for heredoc in line.heredocs))
            yield from (script.source.text for script in container(one).running.startup.scripts if script.inline)

    def is_read(self, name: str) -> bool:
        """Return whether something in the container reads a name, or all names that begin like it."""
        if name in self.reads or re.search(rf"{re.escape(name)}(?![A-Za-z0-9_])", self.unread):
            return True
        begun = set(re.findall(rf"{re.escape(name.partition('_')[0])}_[A-Z0-9_]*(?![A-Za-z0-9_])", self.text))
        return any(stem.endswith("_") and name.startswith(stem) for stem in begun)

    def may_name(self, name: str) -> bool:
        """Return whether a name occurs in any spelling that a program may know it by, or is a library's own."""
        if self.oversized:
            return True
        words = [part for part in re.split(r"_+", name) if part]
        spelled = r"[._-]*".join(map(re.escape, words)) + r"(?!_?[A-Za-z0-9])"
        if re.search(spelled, self.text, re.IGNORECASE) or _OF_RUNTIMES.match(name):
            return True
        if self._is_a_librarys(words[0]) or self._is_composed(words):
            return True
        parts = all(re.search(re.escape(word), self.text, re.IGNORECASE) for word in words)
        return parts and _WHOLE_ENVIRONMENT.search(self.text) is not None

    def _is_composed(self, words: list[str]) -> bool:
        """Return whether a name may be put together: a text that ends behind a part, and the rest as a word."""
        for end in range(1, len(words)):
            head, rest = "_+".join(words[:end]), r"[._-]*".join(words[end:])
            if re.search(rf"(?<![A-Za-z0-9_]){head}(?:_+(?![A-Za-z0-9_])|_*[\"'`])", self.text, re.IGNORECASE) and (
                re.search(rf"(?<![A-Za-z0-9]){rest}(?![A-Za-z0-9])", self.text, re.IGNORECASE)
            ):
                return True
        return False

    def _is_a_librarys(self, word: str) -> bool:
        """Return whether a dependency is called like the first word of a name: it may read it itself."""
        found = "\n".join(text for one in self.starts for text in self._dependencies(one))
        return re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}", found, re.IGNORECASE) is not None

    def _dependencies(self, one: Started) -> Iterator[str]:
        """Yield what lists the dependencies of a program, shipped or not, and what RUN installs."""
        file = dockerfile_of(self.repository, one.compose)
        for line in (line for stage in file.stages for line in stage.instructions) if file else ():
            if line.keyword == "RUN":
                yield from _INSTALLED.findall(line.rest.text)
        context = one.compose.build.context if one.compose.build else None
        if context is not None:
            top = self.repository.root / context
            for path in (*top.glob("*"), *top.glob("*/*")):
                if _MANIFESTS.fullmatch(path.name) and path.is_file():
                    yield _OWN_NAME.sub("", path.read_text(encoding="utf-8", errors="replace"))


def is_plain(reference: str | None) -> bool:
    """Tell whether an image is an operating system or a language, so that it brings no program that reads settings."""
    name = (reference or "").partition("@")[0]
    folder, slash, last = name.rpartition("/")
    repository = last.partition(":")[0]
    return (
        _PLAIN.fullmatch(repository) is not None or _PLAIN_PUBLISHERS.search(f"{folder}{slash}{repository}") is not None
    )


def interpolates(text: str, name: str) -> bool:
    """Tell whether a Compose file interpolates a name; `$$X` is a dollar sign and what follows."""
    return re.search(rf"(?<!\$)(?:\$\$)*\$\{{?{re.escape(name)}(?![A-Za-z0-9_])", text) is not None
