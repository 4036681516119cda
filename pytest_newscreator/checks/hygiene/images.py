"""Hygiene of images: every one is named by a version that stays, and one server has one version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_newscreator.checks.facts.image_names import Reference, parse_reference
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import hardening, started, unknown
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService
from pytest_newscreator.resolve.docker.image import image_environment
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, Stage
from pytest_newscreator.sources.docker.words import Expansion
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.verdicts import Finding

_LOCAL_POLICIES = frozenset({"never", "build"})
_REFERENCE = "(CIS Docker v1.6.0 5.28, OWASP #13)"


@frozen
class Named:
    """One way in which a place comes to name an image: `text` None is what only a host knows."""

    text: str | None
    place: Place
    chain: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference | None:
        """Return the name in its parts, None where it is not known or has gaps."""
        found = parse_reference(self.text) if self.text else None
        return found if found is not None and found.is_complete else None


@frozen
class Images:
    """Every image that the Dockerfiles and the loaded Compose files of a repository name."""

    repository: Repository

    def composed(self) -> Iterator[tuple[str, Named]]:
        """Yield each `image:` that is pulled, with its service's name; of one place, each value it has."""
        local = self.local()
        for service in self.services():
            policy = service.get("pull_policy")
            if service.image is None or service.build or (policy and policy.value in _LOCAL_POLICIES):
                continue
            named = _by_compose(service.image, service.place)
            if named.reference is None or _name(named.reference) not in local:
                yield service.name, named

    def inline(self) -> Iterator[tuple[str, Named]]:
        """Yield each FROM of a Dockerfile that stands in a Compose file, at the place of the whole of it."""
        for service in self.services():
            node = service.get("build.dockerfile_inline")
            if node is None or node.text is None:
                continue
            file = dockerfile.parse(SourceFile(node.place.path, node.text))
            named = [(stage, Named(text, node.place)) for stage, text in dockerfile.images(file)]
            yield from (
                (f"{service.name} build", one) for stage, one in named if not _is_none(one, file, stage, self.local())
            )

    def services(self) -> Iterator[ComposeService]:
        """Yield every service of every project, those that no profile enables included."""
        for project in self.repository.resolved.values():
            yield from (*project.services.values(), *project.disabled.values())

    def local(self) -> frozenset[str]:
        """Return the names that are no registry's: images that a service builds, and contexts that a build is given."""
        found: set[str] = set()
        for service in self.services():
            contexts = service.get("build.additional_contexts")
            found.update(_name(parse_reference(name)) for name in (contexts.children if contexts else ()))
            if service.build and service.image and service.image.text:
                found.add(_name(parse_reference(service.image.text)))
        return frozenset(found)

    def dockerfiles(self) -> Mapping[str, Dockerfile]:
        """Return every Dockerfile that counts, and those of any name that a service is built by."""
        built = {service.build.dockerfile for service in self.services() if service.build and service.build.dockerfile}
        paths = (path for path in self.repository.files if dockerfile.matches(path) or path in built)
        sources = ((path, self.repository.source(path)) for path in paths)
        return {path: dockerfile.parse(source) for path, source in sources if source is not None}

    def bases(self) -> Iterator[tuple[Dockerfile, Stage, tuple[Named, ...]]]:
        """Yield each FROM that names an image of a registry, with every name it has: by default, and as built."""
        local = self.local()
        for path, file in self.dockerfiles().items():
            builds = [service for service in self.services() if service.build and service.build.dockerfile == path]
            for stage, text in dockerfile.images(file):
                kept = tuple(
                    named
                    for named in _by_dockerfile(file, stage, text, builds)
                    if not _is_none(named, file, stage, local)
                )
                if kept:
                    yield file, stage, kept


def _by_compose(image: Value, place: Place) -> Named:
    """Return what an `image:` names."""
    hops = chain(image.chain) if len(image.chain) > 1 else ()
    return Named(image.text, image.chain[0].place or place, hops)


def _by_dockerfile(
    file: Dockerfile, stage: Stage, default: str | None, builds: list[ComposeService]
) -> tuple[Named, ...]:
    """Return what a FROM names by the file's own defaults, and with the arguments of each build, as far as known."""
    place = file.lines.place(stage.image.start)
    named = [Named(default, place)] if default is not None else []
    names = {part.name for part in stage.image_parts if isinstance(part, Expansion)}
    for service in builds:
        given = [value for name, value in (service.build.args if service.build else {}).items() if name in names]
        text = _as_built(file, stage, service) if given else default
        if text != default:
            named.append(Named(text, given[0].origin or place, chain(given[0].chain)))
    return tuple(dict.fromkeys(named)) or (Named(None, place),)


def _as_built(file: Dockerfile, stage: Stage, service: ComposeService) -> str | None:
    """Return the image that a stage starts from in the build of a service."""
    args = service.build.args if service.build else {}
    return image_environment(file, build_args=args, target=stage.scope).base


def _is_none(named: Named, file: Dockerfile, stage: Stage, local: frozenset[str]) -> bool:
    """Return whether a name is no registry's image: an earlier stage, scratch, or one that is made here."""
    text = (named.text or "").lower()
    earlier = {(other.name or "").lower() for other in file.stages[: stage.index]}
    return bool(text) and (text == "scratch" or text in earlier or _name(parse_reference(text)) in local)


def _name(reference: Reference) -> str:
    """Return repository and tag, `latest` where none is named."""
    return f"{reference.repository}:{reference.tag or 'latest'}"


def floating_tag_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every FROM of every Dockerfile that counts and every `image:` of the loaded Compose files."""
    images = Images(repository)
    for file, stage, names in images.bases():
        known = next((named.reference.repository for named in names if named.reference), stage.image.text)
        yield Subject(f"{file.path} {known}", file.lines.place(stage.image.start), names)
    found: dict[tuple[Place, str], list[Named]] = {}
    for service, named in (*images.composed(), *images.inline()):
        found.setdefault((named.place, service), []).append(named)
    for (place, service), values in found.items():
        yield Subject(f"{place.path} {service}", place, tuple(dict.fromkeys(values)))


def floating_tag(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every image is named by a version or a digest, so that it is the same image tomorrow.

    A rebuild of the same commit brought another Ollama with `FROM ollama/ollama:latest`: its default context length
    had changed, and no file of the repository. Name the version that was tested (CIS Docker v1.6.0 5.28, OWASP #13).
    """
    newscreator_conclude("floating-tag", newscreator_subject)


def judge_floating_tag(subject: Subject, repository: Repository) -> Finding | None:
    """Return the first name of a place that may move; NotVerified where none of them is known."""
    names: tuple[Named, ...] = subject.data
    known = [(named, named.reference) for named in names if named.reference is not None]
    for named, reference in known:
        if reference.is_floating:
            return Finding(
                f"{named.text} is whatever {reference.tag or 'latest'} means that day, should name a version or digest",
                place=named.place,
                expected="a version or digest",
                observed=named.text,
                chain=named.chain,
                fix=f"name the version that was tested, such as {reference.repository}:1.2.3 {_REFERENCE}",
                severity=hardening(repository.contract),
            )
    if not known:
        raise unknown(f"{names[0].place}: which image {subject.id.partition(' ')[2]} is, only the host knows")
    return None


@frozen
class Skew:
    """The version of a server that a service runs, and every other place that names the same repository."""

    service: str
    own: Reference
    others: tuple[Named, ...]


def image_skew_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each repository that an Ollama of the contract comes from and that is named more than once."""
    seen: set[str] = set()
    images = Images(repository)
    for service in repository.contract.services.values():
        own = _own(repository, service.key) if service.kind == "ollama" else None
        if own is None or own.version is None or own.repository in seen:
            continue
        seen.add(own.repository)
        named = tuple(_named_like(own, images))
        if len({one.place for one in named}) > 1:
            yield Subject(own.repository, named[0].place, Skew(service.key, own, named))


def _own(repository: Repository, key: str) -> Reference | None:
    """Return the image that a service runs, or is built from."""
    for one in started(repository, repository.contract.services[key]):
        image = one.given.image
        text = image.base if image else one.compose.image.text if one.compose.image and not one.compose.build else None
        found = parse_reference(text) if text else None
        if found is not None and found.is_complete:
            return found
    return None


def _named_like(own: Reference, images: Images) -> Iterator[Named]:
    """Yield the places that name an image of the same repository, each by the first value it has."""
    in_contexts = (names for file, _, names in images.bases() if images.repository.services_of(file.path))
    found: dict[Place, Named] = {}
    for named in (*(one for names in in_contexts for one in names), *(one for _, one in images.composed())):
        if named.reference is not None and named.reference.repository == own.repository:
            found.setdefault(named.place, named)
    yield from found.values()


def image_skew(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """One server has one version, in every Dockerfile and Compose file that names it.

    A stage that only made the models kept an older Ollama than the one that served them, and wrote manifests that the
    newer one read otherwise. Name one version everywhere, best by one ARG or variable (OWASP #13).
    """
    newscreator_conclude("image-skew", newscreator_subject)


def judge_image_skew(subject: Subject, repository: Repository) -> Finding | None:
    """Return the first place whose version is not that of the service."""
    skew: Skew = subject.data
    other = [(named, named.reference.version) for named in skew.others if named.reference and named.reference.version]
    wrong = [(named, version) for named, version in other if version != skew.own.version]
    if not wrong:
        return None
    named, version = wrong[0]
    right = (one for one, version in other if version == skew.own.version)
    own = [f"{one.place}: {one.text}, which {skew.service} runs" for one in right][:1]
    return Finding(
        f"{skew.own.repository} is {version} here, {skew.service} runs {skew.own.version}",
        place=named.place,
        expected=skew.own.version,
        observed=version,
        chain=(*named.chain, *own, *(f"{one.place}: {one.text}" for one, _ in wrong[1:])),
        fix=f"name {skew.own.version} here too, or move {skew.service} (OWASP #13)",
        severity=hardening(repository.contract),
    )


FLOATING_TAG = Check("floating-tag", "resolved", "config", floating_tag, floating_tag_subjects, judge_floating_tag)
IMAGE_SKEW = Check("image-skew", "resolved", "config", image_skew, image_skew_subjects, judge_image_skew)
