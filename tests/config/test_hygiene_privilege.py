"""A container of the contract has no more rights than its service needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.hygiene.privilege import PRIVILEGE, is_of_the_host

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
BACKEND = "news-creator/Dockerfile.backend"
BUILD = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"
HARDENED = """    read_only: true
    tmpfs:
      - /tmp
      - /home/ollama:uid=2000,gid=2000,mode=0700
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
"""


def with_key(stack: Stack, text: str) -> None:
    """Add a key to the backend."""
    stack.edit(AI, BUILD, f"{BUILD}    {text}\n")


@pytest.mark.parametrize(
    ("aspect", "text", "before"),
    [
        ("privileged", "privileged: true", "privileged: "),
        ("privileged", "privileged: ${PRIVILEGED:-true}", "privileged: "),
        ("docker-socket", "use_api_socket: true", "use_api_socket: "),
        ("capabilities", "cap_add: [CHOWN, SYS_ADMIN]", "[CHOWN, "),
        ("capabilities", "cap_add: ['cap_net_admin']", "['"),
        ("capabilities", "cap_add: [ALL]", "cap_add: ["),
        ("user", "user: root", "user: "),
        ("user", 'user: "0:0"', 'user: "'),
        ("user", "user: ${RUN_AS:-0}", "user: "),
        ("namespaces", "pid: host", "pid: "),
        ("namespaces", "ipc: host", "ipc: "),
        ("namespaces", "uts: host", "uts: "),
        ("namespaces", "userns_mode: host", "userns_mode: "),
    ],
)
def test_a_right_too_many_is_found_at_its_word(stack: Stack, aspect: str, text: str, before: str) -> None:
    """One aspect, one finding, with its reference."""
    with_key(stack, text)
    ((item, finding),) = stack.found(PRIVILEGE).items()
    assert item == f"privilege[backend {aspect}]"
    assert finding.place == stack.behind(AI, f"Dockerfile.backend\n    {text.partition(before)[0]}{before}")
    assert finding.severity == "error"
    assert "CIS Docker v1.6.0" in finding.fix


@pytest.mark.parametrize(
    "text",
    [
        "privileged: false",
        "cap_add: [CHOWN, SETUID, NET_BIND_SERVICE, IPC_LOCK, SYS_NICE]",
        'user: "2000:2000"',
        "user: ollama",
        "user: ${RUN_AS:-2000}",
        "ipc: private",
        "ipc: shareable",
        "pid: service:news-creator",
        "shm_size: 1g",
    ],
)
def test_a_right_that_is_needed_is_left_alone(stack: Stack, text: str) -> None:
    """What a container has of itself, or shares with another of the project."""
    with_key(stack, text)
    assert stack.found(PRIVILEGE) == {}


@pytest.mark.parametrize(
    ("line", "aspect", "lacks"),
    [
        ("    read_only: true\n", "read-only", "read_only"),
        ("    cap_drop: [ALL]\n", "capabilities", "cap_drop"),
        ('    security_opt: ["no-new-privileges:true"]\n', "no-new-privileges", "no-new-privileges"),
    ],
)
def test_a_protection_that_is_missing_is_found_at_the_service(stack: Stack, line: str, aspect: str, lacks: str) -> None:
    """What is missing is named."""
    stack.edit(AI, HARDENED, HARDENED.replace(line, ""))
    ((item, finding),) = stack.found(PRIVILEGE).items()
    assert item == f"privilege[backend {aspect}]"
    assert (finding.place, finding.lacks) == (stack.behind(AI, "services:\n  "), lacks)


@pytest.mark.parametrize(
    ("old", "new", "aspect", "before"),
    [
        ("read_only: true", 'read_only: "false"', "read-only", 'read_only: "'),
        ("no-new-privileges:true", "no-new-privileges:false", "no-new-privileges", 'security_opt: ["'),
        ('"no-new-privileges:true"', "no-new-privileges=true, seccomp=unconfined", "unconfined", "true, "),
        ('"no-new-privileges:true"', "no-new-privileges, 'apparmor:unconfined'", "unconfined", "privileges, '"),
        ('"no-new-privileges:true"', "no-new-privileges, 'label:disable'", "unconfined", "privileges, '"),
    ],
)
def test_a_protection_that_is_switched_off_is_found_at_its_word(
    stack: Stack, old: str, new: str, aspect: str, before: str
) -> None:
    """In either spelling of an option; those of no-new-privileges that hold are right."""
    text = HARDENED.replace(old, new)
    stack.edit(AI, HARDENED, text)
    ((item, finding),) = stack.found(PRIVILEGE).items()
    assert item == f"privilege[backend {aspect}]"
    end = stack.behind(AI, text.partition(before)[0] + before)
    assert finding.place == end


def test_capabilities_that_are_dropped_in_other_words_are_dropped(stack: Stack) -> None:
    """Docker ignores case."""
    stack.edit(AI, HARDENED, HARDENED.replace("[ALL]", "[all]"))
    assert stack.found(PRIVILEGE) == {}


def test_several_faults_of_one_aspect_are_one_finding_with_a_chain(stack: Stack) -> None:
    """None of them is lost."""
    with_key(stack, "cap_add: [SYS_ADMIN, NET_ADMIN]")
    stack.edit(AI, HARDENED, HARDENED.replace("    cap_drop: [ALL]\n", ""))
    finding = stack.found(PRIVILEGE)["privilege[backend capabilities]"]
    assert [hop.partition(": ")[2] for hop in finding.chain] == [
        "backend is given the capability NET_ADMIN, should not be",
        "backend keeps Docker's default capabilities, should drop ALL",
    ]


@pytest.mark.parametrize(
    ("entry", "aspect"),
    [
        ("/var/run/docker.sock:/var/run/docker.sock:ro", "docker-socket"),
        ("${DOCKER_SOCK:-/run/docker.sock}:/docker.sock", "docker-socket"),
        ("{type: bind, source: /run/podman/podman.sock, target: /run/docker.sock}", "docker-socket"),
        ("/:/host:ro", "host-folders"),
        ("/etc:/host/etc:ro", "host-folders"),
        ("/var/run:/var/run", "host-folders"),
        ("/proc:/host/proc:ro", "host-folders"),
        ("/sys/fs/cgroup:/sys/fs/cgroup:ro", "host-folders"),
        ("~/.ssh:/home/ollama/.ssh:ro", "host-folders"),
        ("{type: bind, source: /etc/shadow, target: /shadow}", "host-folders"),
    ],
)
def test_what_belongs_to_the_host_is_found_at_its_mount(stack: Stack, entry: str, aspect: str) -> None:
    """The short form and the long one, read-only or not."""
    stack.edit(AI, "      - models:/var/lib/ollama\n", f"      - models:/var/lib/ollama\n      - {entry}\n")
    ((item, finding),) = stack.found(PRIVILEGE).items()
    assert item == f"privilege[backend {aspect}]"
    assert finding.place == stack.behind(AI, "      - models:/var/lib/ollama\n      - ")


def test_a_folder_of_the_host_behind_a_named_volume_is_found_at_its_device(stack: Stack) -> None:
    """The volume is a bind by another name."""
    options = "{driver: local, driver_opts: {type: none, o: bind, device: /etc}}"
    stack.edit(AI, "volumes:\n  models:\n", f"volumes:\n  models: {options}\n")
    ((item, finding),) = stack.found(PRIVILEGE).items()
    assert item == "privilege[backend host-folders]"
    assert finding.place == stack.behind(AI, "device: ")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/localtime",
        "/etc/timezone",
        "/etc/ssl/certs",
        "/usr/share/ollama/.ollama",
        "/var/lib/ollama",
        "/srv/models",
        "/home/team/models",
        "/dev/shm",
        "/usr/lib/wsl",
        "~/.ollama",
        "/etcetera",
        "/run/secrets/token",
    ],
)
def test_a_folder_of_a_service_is_its_own(path: str) -> None:
    """Models, certificates, the clock, also where a host keeps them below a folder of its own."""
    assert not is_of_the_host(path)


@pytest.mark.parametrize(
    "path", ["/var/run/docker", "/run/docker/plugins", "/etc/ssh/", "//etc", "/boot/grub", "/etc/sudoers"]
)
def test_a_folder_of_the_host_is_known_in_every_spelling(path: str) -> None:
    """By the older name of a folder, with slashes too many, below one that is the host's with all that is in it."""
    assert is_of_the_host(path)


def test_a_root_user_of_the_image_is_found_at_its_instruction(stack: Stack) -> None:
    """The last USER of the stages that the image is made of."""
    stack.edit(BACKEND, "USER ollama\n", "USER root\n")
    ((item, finding),) = stack.found(PRIVILEGE).items()
    assert item == "privilege[backend user]"
    assert finding.headline.startswith(f"{stack.behind(BACKEND, 'USER ')}: backend runs as root, ")


def test_an_image_without_a_user_is_found_at_the_service(stack: Stack) -> None:
    """Its base is known to run as root."""
    stack.edit(BACKEND, "USER ollama\n", "")
    finding = stack.found(PRIVILEGE)["privilege[backend user]"]
    assert (finding.place, finding.lacks) == (stack.behind(AI, "services:\n  "), "user")


def test_a_base_that_nobody_knows_leaves_the_user_open(stack: Stack) -> None:
    """It may bring a user of its own; so may an image that is pulled."""
    stack.edit(BACKEND, "USER ollama\n", "")
    stack.edit(BACKEND, "FROM ollama/ollama:0.24.0", "FROM registry.example/team/ollama:1")
    assert stack.found(PRIVILEGE) == {}
    assert list(stack.unverified(PRIVILEGE)) == ["privilege[backend user]"]
    stack.edit(AI, BUILD, "    image: registry.example/team/ollama:1\n")
    assert list(stack.unverified(PRIVILEGE)) == ["privilege[backend user]"]
    stack.edit(AI, "registry.example/team/ollama:1", "ollama/ollama:0.24.0")
    assert list(stack.found(PRIVILEGE)) == ["privilege[backend user]"]


def test_a_user_that_only_the_host_names_is_left_open(stack: Stack) -> None:
    """A variable without a default."""
    with_key(stack, 'user: "${RUN_AS}:${GROUP}"')
    assert stack.found(PRIVILEGE) == {}
    assert list(stack.unverified(PRIVILEGE)) == ["privilege[backend user]"]


def test_what_one_invocation_adds_names_it(stack: Stack) -> None:
    """The override file's own word is the place."""
    stack.edit(CPU, "  news-creator-backend:\n", "  news-creator-backend:\n    privileged: true\n")
    ((_, finding),) = stack.found(PRIVILEGE).items()
    assert finding.place == stack.behind(CPU, "privileged: ")
    assert finding.message.endswith("(invocation cpu)")


@pytest.mark.parametrize(
    ("item", "key", "value"),
    [
        ("privilege[backend read-only]", "read_only: ", "!reset null"),
        ("privilege[backend capabilities]", "cap_drop: ", "!override []"),
        ("privilege[backend capabilities]", "cap_drop: ", "!reset []"),
        ("privilege[backend no-new-privileges]", "security_opt: ", "!override ['label:level:s0']"),
    ],
)
def test_what_one_invocation_takes_away_is_blamed_where_it_does(stack: Stack, item: str, key: str, value: str) -> None:
    """The service's own file is right: nothing at its name would help."""
    stack.edit(CPU, "  news-creator-backend:\n", f"  news-creator-backend:\n    {key}{value}\n")
    finding = stack.found(PRIVILEGE)[item]
    assert finding.place == stack.behind(CPU, key)
    assert f"taken away by this `{value.partition(' ')[0]}`" in finding.message


def test_it_is_a_note_without_the_baseline(stack: Stack) -> None:
    """Hardening is what the contract asks for, or a hint."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    stack.edit(AI, HARDENED, "")
    findings = stack.found(PRIVILEGE)
    assert len(findings) == 3
    assert {finding.severity for finding in findings.values()} == {"note"}


def test_services_outside_the_contract_are_their_own_affair(stack: Stack) -> None:
    """A monitor may need the engine."""
    mounts = "volumes: ['/var/run/docker.sock:/var/run/docker.sock'], privileged: true"
    stack.edit(AI, "\nvolumes:\n", f"  monitor: {{image: 'monitor:1', {mounts}}}\n\nvolumes:\n")
    assert stack.found(PRIVILEGE) == {}
