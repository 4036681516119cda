"""Hygiene of privileges: a container may do what its service needs, and nothing else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from pytest_newscreator.checks.facts.image_names import is_plain
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene import subjects as hygiene
from pytest_newscreator.checks.hygiene.subjects import (
    Started,
    hardening,
    last_place,
    missing,
    over_invocations,
    texts,
    unknown,
)
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding

# Capabilities by which a container reaches beyond itself; Docker gives none of them by default.
_CAPABILITIES_BEYOND = (
    "ALL AUDIT_CONTROL BPF CHECKPOINT_RESTORE DAC_READ_SEARCH LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE NET_ADMIN PERFMON"
    " SYSLOG SYS_ADMIN SYS_BOOT SYS_MODULE SYS_PTRACE SYS_RAWIO SYS_TIME"
)
_CAPABILITIES = frozenset(_CAPABILITIES_BEYOND.split())
_SOCKETS = frozenset({"docker.sock", "containerd.sock", "podman.sock", "crio.sock", "dockershim.sock"})
# Folders of a host that are its own as a whole; single files and folders below them may well be a service's.
_WHOLE = "/ /bin /boot /dev /etc /home /lib /lib64 /proc /root /run /sbin /sys /usr /var /var/lib /var/run ~"
_WITH_ALL_BELOW = """
/boot /proc /sys /etc/docker /etc/kubernetes /etc/pam.d /etc/ssh /etc/sudoers.d /var/lib/docker /var/lib/containerd
/var/lib/kubelet /run/docker /run/containerd ~/.aws ~/.docker ~/.kube ~/.ssh ~/.gnupg ~root/.ssh
"""
_FOLDERS = frozenset(_WHOLE.split())
_BELOW = tuple(folder.replace("~root", "/root") for folder in _WITH_ALL_BELOW.split())
_FILES = frozenset({"/etc/shadow", "/etc/gshadow", "/etc/sudoers"})
_NAMESPACES = {"pid": "5.16", "ipc": "5.17", "uts": "5.21", "userns_mode": "5.31"}
_UNCONFINED = {
    "seccomp:unconfined": "5.22",
    "apparmor:unconfined": "5.2",
    "label:disable": "5.3",
    "systempaths:unconfined": "5.22",
}


@frozen
class Fault:
    """What is wrong with one aspect of a service, where, and what to do; `lacks` where the place is the service."""

    place: Place | None
    what: str
    fix: str
    lacks: str = ""


def _privileged(one: Started) -> Iterator[Fault]:
    """Yield that the container is privileged."""
    node = one.compose.get("privileged")
    if node is not None and node.value is True:
        fix = "take it away: a GPU needs a reservation, not privileges (CIS Docker v1.6.0 5.5, OWASP #3)"
        yield Fault(node.place, "is privileged, which makes it root of the host; should not be", fix)


def _docker_socket(one: Started) -> Iterator[Fault]:
    """Yield each way to the engine that the container is given."""
    fix = "take it away: who can ask Docker is root of the host (CIS Docker v1.6.0 5.32, OWASP #1)"
    for path, place in _host_paths(one):
        if posixpath.basename(path) in _SOCKETS:
            yield Fault(place, f"is given the engine's socket {path}, should not be", fix)
    node = one.compose.get("use_api_socket")
    if node is not None and node.value in {True, "true"}:
        yield Fault(node.place, "is given the engine's socket (use_api_socket), should not be", fix)


def _capabilities(one: Started) -> Iterator[Fault]:
    """Yield each dangerous capability, then that not all are dropped."""
    for node in texts(one.compose.get("cap_add")):
        if _capability(node.value) in _CAPABILITIES:
            fix = "take it away, or name the weaker one that is needed (CIS Docker v1.6.0 5.4, OWASP #3)"
            yield Fault(node.place, f"is given the capability {node.value}, should not be", fix)
    if "ALL" not in {_capability(node.value) for node in texts(one.compose.get("cap_drop"))}:
        fix = "add `cap_drop: [ALL]`, then `cap_add` what it needs (CIS Docker v1.6.0 5.4, OWASP #3)"
        lack = missing(one, "cap_drop")
        what = f"keeps Docker's default capabilities, should drop ALL{lack.since}"
        yield Fault(lack.place, what, fix, "cap_drop")


def _capability(name: object) -> str:
    """Return a capability's name in one spelling."""
    return str(name).upper().removeprefix("CAP_")


def _options(one: Started) -> Iterator[tuple[str, Place]]:
    """Yield the security options, with one spelling of what separates name from value."""
    for node in texts(one.compose.get("security_opt")):
        yield re.sub(r"[:=]", ":", str(node.value).strip(), count=1), node.place


def _no_new_privileges(one: Started) -> Iterator[Fault]:
    """Yield that programs may gain privileges."""
    fix = 'add `security_opt: ["no-new-privileges:true"]` (CIS Docker v1.6.0 5.26, OWASP #4)'
    given = [(text, place) for text, place in _options(one) if text.partition(":")[0] == "no-new-privileges"]
    if not given:
        lack = missing(one, "security_opt")
        what = f"lets programs gain privileges, should have no-new-privileges{lack.since}"
        yield Fault(lack.place, what, fix, "no-new-privileges")
    elif given[-1][0] not in {"no-new-privileges", "no-new-privileges:true"}:
        yield Fault(given[-1][1], "lets programs gain privileges, should have no-new-privileges:true", fix)


def _read_only(one: Started) -> Iterator[Fault]:
    """Yield that the container's own files can be written."""
    fix = "set `read_only: true`, with `tmpfs` and volumes where it writes (CIS Docker v1.6.0 5.13, OWASP #8)"
    node = one.compose.get("read_only")
    if node is None or node.content is None:
        lack = missing(one, "read_only")
        what = f"can write to its own image, should be read_only{lack.since}"
        yield Fault(lack.place, what, fix, "read_only")
    elif node.value is not True:
        yield Fault(node.place, "can write to its own image, should be read_only", fix)


def _user(one: Started) -> Iterator[Fault]:
    """Yield that the process is root; raises NotVerified where only the image or the host knows."""
    fix = "give it a USER of its own in the Dockerfile, or `user:` (CIS Docker v1.6.0 4.1, OWASP #2)"
    node, image = one.compose.get("user"), one.given.image
    if node is not None and node.content is not None:
        if not str(node.value).partition(":")[0]:
            raise unknown(f"{node.place}: as which user {one.service.key} runs, only the host knows")
        if _is_root(str(node.value)):
            yield Fault(node.place, f"runs as {node.value}, should run as a user of its own", fix)
    elif image is not None and image.user:
        if _is_root(image.user):
            yield Fault(last_place(one, "USER"), f"runs as {image.user}, should run as a user of its own", fix)
    else:
        pulled = one.compose.image.text if one.compose.image and not one.compose.build else None
        base = image.base if image is not None else pulled
        if not is_plain(base):
            raise unknown(f"as which user {one.service.key} runs, only {base or 'its image'} knows")
        lack = missing(one, "user")
        yield Fault(lack.place, f"runs as root, should run as a user of its own{lack.since}", fix, "user")


def _is_root(user: str) -> bool:
    """Return whether a user is root, by name or number."""
    name = user.partition(":")[0].strip()
    return name == "root" or (name.isdecimal() and int(name) == 0)


def _namespaces(one: Started) -> Iterator[Fault]:
    """Yield each namespace that is the host's."""
    for key, rule in _NAMESPACES.items():
        node = one.compose.get(key)
        if node is not None and node.value == "host":
            fix = f"take it away (CIS Docker v1.6.0 {rule}, OWASP #3)"
            yield Fault(node.place, f"shares the host's {key.removesuffix('_mode')} namespace, should not", fix)


def _unconfined(one: Started) -> Iterator[Fault]:
    """Yield each protection of the kernel that is switched off."""
    for text, place in _options(one):
        rule = _UNCONFINED.get(text.lower())
        if rule is not None:
            fix = f"take it away, or name a profile (CIS Docker v1.6.0 {rule}, OWASP #6)"
            yield Fault(place, f"runs with {text}, should keep Docker's own profile", fix)


def _host_folders(one: Started) -> Iterator[Fault]:
    """Yield each folder of the host that is no service's."""
    for path, place in _host_paths(one):
        if is_of_the_host(path):
            fix = "mount only the folder or file that the service needs (CIS Docker v1.6.0 5.6, OWASP #1 and #3)"
            yield Fault(place, f"is given {path} of the host, should not be", fix)


def is_of_the_host(path: str) -> bool:
    """Tell whether a path is one of those by which a host can be taken over, or its secrets read."""
    path = re.sub(r"^/var/run(?=/|$)", "/run", posixpath.normpath(path).replace("//", "/"))
    inside = any(path == folder or path.startswith(f"{folder}/") for folder in _BELOW)
    return path in _FOLDERS or path in _FILES or inside


def _host_paths(one: Started) -> Iterator[tuple[str, Place]]:
    """Yield the paths of the host that are mounted, those behind named volumes too."""
    volumes = one.project.tree.get("volumes")
    for mount in one.compose.volumes:
        if mount.type == "bind" and mount.source:
            yield mount.source, mount.place
        elif volumes is not None and mount.source and mount.source in volumes.children:
            device = volumes.children[mount.source].get("driver_opts.device")
            if device is not None and str(device.value).startswith("/"):
                yield str(device.value), device.place


ASPECTS: Mapping[str, Callable[[Started], Iterator[Fault]]] = {
    "privileged": _privileged,
    "docker-socket": _docker_socket,
    "capabilities": _capabilities,
    "no-new-privileges": _no_new_privileges,
    "read-only": _read_only,
    "user": _user,
    "namespaces": _namespaces,
    "unconfined": _unconfined,
    "host-folders": _host_folders,
}


def privilege_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every aspect of every service of the contract that Compose starts."""
    yield from hygiene.subjects(repository, *ASPECTS)


def privilege(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """A container has no more rights than its service needs.

    A hole in the model server's file loader is then a hole in one container: with the engine's socket mounted "for
    monitoring", it was the host. Drop every capability, run as a user of its own with no-new-privileges on a read-only
    image, and mount neither the engine's socket nor folders of the host (CIS Docker v1.6.0 4.1, 5.2 to 5.6, 5.13, 5.16,
    5.17, 5.21, 5.22, 5.26, 5.31, 5.32; OWASP #1 to #4, #6, #8).
    """
    newscreator_conclude("privilege", newscreator_subject)


def judge_privilege(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is wrong with one aspect of a service; further faults of the same aspect are the chain."""
    aspect = ASPECTS[subject.id.rpartition(" ")[2]]
    return over_invocations(subject.data, repository, lambda one: _judged(one, aspect))


def _judged(one: Started, aspect: Callable[[Started], Iterator[Fault]]) -> Finding | None:
    """Judge one aspect under one invocation."""
    faults = list(aspect(one))
    if not faults:
        return None
    first, *more = faults
    return Finding(
        f"{one.service.key} {first.what}",
        place=first.place,
        chain=tuple(f"{fault.place}: {one.service.key} {fault.what}" for fault in more),
        fix=first.fix,
        severity=hardening(one.repository.contract),
        lacks=first.lacks,
    )


PRIVILEGE = Check("privilege", "resolved", "config", privilege, privilege_subjects, judge_privilege)
