"""Hygiene of secrets: no password, token or key stands in a file that everyone with the repository has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import Started, hardening, services, started, unknown
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources import tree
from pytest_newscreator.verdicts import Finding

MASK = "***"

_SECRET = re.compile(r"TOKEN(?!S|IZ)|SECRET|PASSWO?R?D|PASSPHRASE|API_?KEY|(?:^|_)KEY(?:_|$)")
_TOLD_APART = re.compile(
    r"(?:^|_)(?:FILE|PATH|DIR|FOLDER|URL|URI|ENDPOINT|HOST|HEADER|NAME|ID|TYPE|TTL|AGE|EXPIR\w*|LIFETIME|LENGTH|LEN|SIZE"
    r"|LIMIT|BUDGET|COUNT|ALGORITHM|ALG|ISSUER|PREFIX|ENABLED|REQUIRED|MODE|STRATEGY|ENCODING)$"
    r"|(?:PUBLIC|PUB|SORT|PARTITION|PRIMARY|FOREIGN|CACHE|ROUTING|GPG|EOS|BOS|PAD|STOP|PER)_(?:KEY|TOKEN)"
)
_NUMBER = re.compile(r"[-+]?[\d._]+\s*[a-z%]{0,3}", re.IGNORECASE)
_STANDS_FOR = re.compile(
    r"(.)\1*|<.*>|\[.*\]|\{.*\}|%.*%|.*(change.?me|change.?this|replace.?(me|this)|example|sample|placeholder|dummy"
    r"|your[-_]|fill.?in|insert[-_]|set[-_]?me|to.?do|not[-_]?(needed|required|used|set)|no[-_]?key|unused|redacted|xxxx|\.\.\.).*"
    r"|ollama|empty|fake|test|testing|local|localhost|anything|any|n/?a|foo|bar|vllm|lm-?studio|foobar",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:~|\.{1,2})?(?:/[\w.@-]+)+/?|[a-z][a-z0-9+.-]*://[^@]*", re.IGNORECASE)
_SWITCH = frozenset({"true", "false", "yes", "no", "on", "off", "auto", "none", "null", "nil", "default"})
_REFERENCE = "(CIS Docker v1.6.0 4.10, OWASP #12)"


@frozen
class Kept:
    """A value that stands in a file under the name of a secret: whose it is, where, and how it gets there."""

    owner: str
    name: str
    text: str
    place: Place
    chain: tuple[str, ...] = ()
    in_dotenv: bool = False


def secret_in_env_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every literal that a service of the contract, or its image, is given under the name of a secret."""
    for service in services(repository):
        found: dict[Place, Kept] = {}
        for one in started(repository, service):
            for kept in (*_by_compose(one), *_by_dockerfile(one)):
                found.setdefault(kept.place, kept)
        yield from (Subject(f"{service.key} {kept.name}", place, kept) for place, kept in found.items())


def _by_compose(one: Started) -> Iterator[Kept]:
    """Yield what Compose gives to the container and to the build, whatever file it comes from."""
    build = one.compose.build
    for value in (*one.compose.environment.values(), *(build.args.values() if build else ())):
        place = value.origin
        if value.text and place is not None and names_secret(value.name):
            in_dotenv = any(hop.kind in {"dotenv", "env_file"} for hop in value.chain if hop.place == place)
            yield Kept(one.service.key, value.name, value.text, place, _masked(value), in_dotenv)


def _masked(value: Value) -> tuple[str, ...]:
    """Return the chain of a value without any text."""
    return chain([replace(hop, value=hop.value and MASK) for hop in value.chain]) if len(value.chain) > 1 else ()


def _by_dockerfile(one: Started) -> Iterator[Kept]:
    """Yield what the ENV and ARG lines of the service's own Dockerfile say, in every stage."""
    path = one.compose.build.dockerfile if one.compose.build else ""
    read = one.repository.reads.get(path)
    for site in read.sites if read else ():
        if site.kind in {"dockerfile-env", "dockerfile-arg"} and site.setting and site.value:
            name = site.into or site.setting
            if names_secret(name):
                yield Kept(one.service.key, name, site.value, site.place)


def names_secret(name: str) -> bool:
    """Tell whether a variable holds a secret, by its name; tokens that are counted are none."""
    return _SECRET.search(name.upper()) is not None and _TOLD_APART.search(name.upper()) is None


def is_secret(text: str) -> bool:
    """Tell whether a value is a secret itself: no number, switch, path, address or stand-in for one."""
    text = text.strip()
    harmless = (_NUMBER, _STANDS_FOR, _PATH)
    return bool(text) and text.lower() not in _SWITCH and not any(rule.fullmatch(text) for rule in harmless)


def secret_in_env(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """No secret stands in a file that the repository, or the image, carries.

    A token that was written "only for the first start" went with every clone and every image layer, and into every
    report of `docker inspect`. Leave the value to the host (`${API_TOKEN:?}`, an ignored `.env`) or mount it
    as a secret, and revoke the one that was written (CIS Docker v1.6.0 4.10, OWASP #12).
    """
    newscreator_conclude("secret-in-env", newscreator_subject)


def judge_secret_in_env(subject: Subject, repository: Repository) -> Finding | None:
    """Return that a secret stands where it is carried about; its text is nowhere in the finding."""
    kept: Kept = subject.data
    if not is_secret(kept.text) or kept.place.path not in tree.files(repository.root):
        return None
    if kept.in_dotenv and not any((folder / ".git").exists() for folder in (repository.root, *repository.root.parents)):
        raise unknown(f"{kept.place}: without git nobody can tell whether {kept.place.path} is the host's alone")
    return Finding(
        f"{kept.name} of {kept.owner} stands here as {MASK}, a secret should not stand in a file of the repository",
        place=kept.place,
        observed=MASK,
        chain=kept.chain,
        fix=f"leave it to the host or mount it as a secret, and revoke this one {_REFERENCE}",
        severity=hardening(repository.contract),
    )


SECRET_IN_ENV = Check("secret-in-env", "resolved", "config", secret_in_env, secret_in_env_subjects, judge_secret_in_env)
