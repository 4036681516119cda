"""Whatever way a port is written, it is published on the loopback interface alone, or found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.hygiene.exposure import EXPOSED_PORT, reach_of
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.resolve.compose.project import load_project

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
BACKEND = "news-creator/Dockerfile.backend"
PORT = '"127.0.0.1:${NEWS_CREATOR_BACKEND_PORT:-11434}:11434"'
PORTS = f"    ports:\n      - {PORT}\n"

EVERYONE = [
    '"11434:11434"',
    '"11434"',
    "11434",
    '":11434:11434"',
    '"0.0.0.0:11434:11434"',
    '"0.0.0.0::11434"',
    '"[::]:11434:11434"',
    '"[::0]:11434:11434"',
    '"[0:0:0:0:0:0:0:0]:11434:11434"',
    '"[::ffff:0.0.0.0]:11434:11434"',
    '"${BIND:-0.0.0.0}:11434:11434"',
    '"${BIND-}:11434:11434"',
    '"11434:11434/tcp"',
    "{target: 11434}",
    "{target: 11434, published: 11434}",
    '{target: 11434, published: "11434", host_ip: 0.0.0.0}',
    '{target: 11434, published: "11434", host_ip: "::"}',
    "{target: 11434, published: 11434, mode: host, protocol: tcp}",
]
LOOPBACK = [
    '"127.0.0.1:11434:11434"',
    '"127.0.0.1::11434"',
    '"127.8.9.1:11434:11434"',
    '"[::1]:11434:11434"',
    '"[::ffff:127.0.0.1]:11434:11434"',
    '"${BIND:-127.0.0.1}:11434:11434"',
    '{target: 11434, published: "11434", host_ip: 127.0.0.1}',
    '{target: 11434, host_ip: "::1"}',
]
REFUSED = ['"localhost:1:1"', '"0:1:1"', '"*:1:1"', '{target: 1, published: "1", host_ip: localhost}']


@pytest.mark.parametrize("entry", EVERYONE)
def test_a_port_on_every_interface_is_found_at_its_entry(stack: Stack, entry: str) -> None:
    """In every spelling that Compose takes."""
    stack.edit(AI, PORT, entry)
    ((item, finding),) = stack.found(EXPOSED_PORT).items()
    assert item == "exposed-port[backend 11434]"
    quote = entry[0] if entry[0] == '"' else ""
    assert finding.place == stack.behind(AI, f"FLASH_ATTENTION:-1}}\n    ports:\n      - {quote}")
    assert finding.message == "backend publishes 11434 on every interface, should be on 127.0.0.1"
    assert finding.severity == "error"
    assert "5.14" in finding.fix


@pytest.mark.parametrize("entry", LOOPBACK)
def test_a_port_on_the_loopback_interface_is_right(stack: Stack, entry: str) -> None:
    """By either family of addresses, by default or by name."""
    stack.edit(AI, PORT, entry)
    assert stack.found(EXPOSED_PORT) == {}
    assert not stack.unverified(EXPOSED_PORT)


def test_a_port_on_one_other_address_is_a_note(stack: Stack) -> None:
    """It may be a private network's, and meant."""
    stack.edit(AI, PORT, '"192.168.1.5:11434:11434"')
    (finding,) = stack.found(EXPOSED_PORT).values()
    assert finding.severity == "note"
    assert "on 192.168.1.5, which is not this machine alone" in finding.message


def test_exposure_is_an_error_without_the_baseline(stack: Stack) -> None:
    """It is no matter of hardening."""
    stack.edit("newscreator.yaml", "security: baseline", "#")
    stack.edit(AI, PORT, '"11434:11434"')
    (finding,) = stack.found(EXPOSED_PORT).values()
    assert finding.severity == "error"


def test_a_range_is_one_finding(stack: Stack) -> None:
    """It is one entry."""
    stack.edit(AI, PORT, '"8000-8002:8000-8002"')
    ((item, finding),) = stack.found(EXPOSED_PORT).items()
    assert item == "exposed-port[backend 8000-8002]"
    assert finding.message.startswith("backend publishes 8000 to 8002 on every interface")


def test_a_range_with_the_service_in_it_names_its_port(stack: Stack) -> None:
    """What is exposed is the server, whatever the ends of the range are."""
    stack.edit(AI, PORT, '"11432-11436:11432-11436"')
    ((item, finding),) = stack.found(EXPOSED_PORT).items()
    assert item == "exposed-port[backend 11432-11436]"
    assert finding.message.startswith("backend publishes 11434 (with all of 11432 to 11436) on every interface")
    assert '"127.0.0.1:11434:11434"' in finding.fix


def test_two_entries_are_two_findings(stack: Stack) -> None:
    """One port published twice, and one by another protocol; the right one beside them is none."""
    stack.edit(AI, f"- {PORT}", f"- {PORT}\n      - '11435:11434'\n      - 8080:80/udp")
    assert sorted(stack.found(EXPOSED_PORT)) == ["exposed-port[backend 11434 #2]", "exposed-port[backend 80/udp]"]


def test_a_port_of_a_service_outside_the_contract_is_its_own_affair(stack: Stack) -> None:
    """A proxy is there to be reached."""
    stack.edit(AI, "\nvolumes:\n", "  proxy: {image: 'caddy:2', ports: ['443:443']}\n\nvolumes:\n")
    assert stack.found(EXPOSED_PORT) == {}


def test_what_only_one_invocation_opens_names_it(stack: Stack) -> None:
    """An override file adds its entry beside the right one."""
    stack.edit(CPU, "  news-creator-backend:\n", "  news-creator-backend:\n    ports: ['11434:11434']\n")
    ((item, finding),) = stack.found(EXPOSED_PORT).items()
    assert item == "exposed-port[backend 11434 #2]"
    place = stack.behind(CPU, "ports: ['")
    assert finding.headline == (
        f"{place}: backend publishes 11434 on every interface, should be on 127.0.0.1 (invocation cpu)"
    )


def test_an_address_of_the_hosts_dotenv_file_is_in_the_chain(stack: Stack) -> None:
    """The entry is the place, the file that opens it is named."""
    stack.edit(AI, PORT, '"${BIND:-127.0.0.1}:11434:11434"')
    stack.write(".env", "BIND=0.0.0.0\n")
    (finding,) = stack.found(EXPOSED_PORT).values()
    assert finding.message.endswith("(invocation host)")
    assert any(hop.startswith(".env:1:6: dotenv BIND=0.0.0.0 won") for hop in finding.chain)


def test_the_loudest_invocation_speaks(stack: Stack) -> None:
    """One certain address by default, every interface on a host: the error is told, not the note."""
    stack.edit(AI, PORT, '"${BIND:-192.168.1.5}:11434:11434"')
    stack.write(".env", "BIND=0.0.0.0\n")
    (finding,) = stack.found(EXPOSED_PORT).values()
    assert (finding.severity, finding.observed) == ("error", "0.0.0.0")  # noqa: S104 - the finding


def test_a_network_that_binds_to_the_loopback_interface_is_right(stack: Stack) -> None:
    """Docker's own option for ports without an address; one that names every interface is wrong all the same."""
    option = 'networks: {default: {driver_opts: {com.docker.network.bridge.host_binding_ipv4: "127.0.0.1"}}}'
    stack.edit(AI, "\nvolumes:\n", f"\n{option}\n\nvolumes:\n")
    stack.edit(AI, PORT, '"11434:11434"')
    assert stack.found(EXPOSED_PORT) == {}
    stack.edit(AI, '"11434:11434"', '"0.0.0.0:11434:11434"')
    assert len(stack.found(EXPOSED_PORT)) == 1


@pytest.mark.parametrize(("network", "is_found"), [("internal: true", False), ("internal: false", True)])
def test_an_internal_network_publishes_nothing(stack: Stack, network: str, *, is_found: bool) -> None:
    """Docker leaves the ports of a service in internal networks alone unpublished."""
    stack.edit(AI, "\nvolumes:\n", f"\nnetworks: {{default: {{{network}}}}}\n\nvolumes:\n")
    stack.edit(AI, PORT, '"11434:11434"')
    assert bool(stack.found(EXPOSED_PORT)) is is_found


def test_the_hosts_network_is_found_where_the_server_listens_for_everyone(stack: Stack) -> None:
    """The image of Ollama says so by itself."""
    stack.edit(AI, PORTS, "    network_mode: host\n")
    ((item, finding),) = stack.found(EXPOSED_PORT).items()
    assert item == "exposed-port[backend 11434]"
    assert finding.headline == (
        f"{stack.behind(AI, 'network_mode: ')}: backend is in the host's network and listens on every interface,"
        " should listen on 127.0.0.1"
    )
    assert finding.observed == "0.0.0.0"  # noqa: S104 - the finding


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:11434", "localhost:11434", "http://[::1]:11434"])
def test_the_hosts_network_is_right_where_the_server_listens_on_loopback(stack: Stack, host: str) -> None:
    """In every way that OLLAMA_HOST is read."""
    stack.edit(AI, PORTS, "    network_mode: host\n")
    stack.edit(AI, "      OLLAMA_KEEP_ALIVE:", f'      OLLAMA_HOST: "{host}"\n      OLLAMA_KEEP_ALIVE:')
    assert stack.found(EXPOSED_PORT) == {}
    assert not stack.unverified(EXPOSED_PORT)


@pytest.mark.parametrize("host", [":11434", "[::]:11434", "http://0.0.0.0:11434"])
def test_the_hosts_network_is_found_in_every_way_to_listen_for_everyone(stack: Stack, host: str) -> None:
    """A port alone, the other family, a URL."""
    stack.edit(AI, PORTS, "    network_mode: host\n")
    stack.edit(AI, "      OLLAMA_KEEP_ALIVE:", f'      OLLAMA_HOST: "{host}"\n      OLLAMA_KEEP_ALIVE:')
    assert list(stack.found(EXPOSED_PORT)) == ["exposed-port[backend 11434]"]


@pytest.mark.parametrize(
    ("command", "is_found", "is_open"),
    [
        ("[uvicorn, app, --host, 0.0.0.0]", True, False),
        ("[uvicorn, app, --host=127.0.0.1]", False, False),
        ("sh -c 'uvicorn app --host 0.0.0.0'", True, False),
        ("[gunicorn, -b, '[::]:8001', app]", True, False),
        ("[uvicorn, app]", False, True),
    ],
)
def test_another_server_in_the_hosts_network_is_read_from_its_command(
    stack: Stack, command: str, *, is_found: bool, is_open: bool
) -> None:
    """Where the command does not say, nobody knows."""
    stack.edit(AI, '    ports:\n      - "127.0.0.1:${NEWS_CREATOR_PORT:-8001}:8001"\n', "    network_mode: host\n")
    stack.edit(AI, "  news-creator:\n", f"  news-creator:\n    command: {command}\n")
    assert bool(stack.found(EXPOSED_PORT)) is is_found
    assert bool(stack.unverified(EXPOSED_PORT)) is is_open


def test_another_services_network_is_judged_by_that_services_ports(stack: Stack) -> None:
    """Its port of our number is ours; its others are not."""
    stack.edit(AI, PORTS, '    network_mode: "service:vpn"\n')
    stack.edit(AI, "\nvolumes:\n", "  vpn: {image: 'vpn:1', ports: ['11434:11434', '1:1']}\n\nvolumes:\n")
    ((item, finding),) = stack.found(EXPOSED_PORT).items()
    assert item == "exposed-port[backend 11434]"
    assert finding.place == stack.behind(AI, "ports: ['")


def test_a_service_without_a_network_publishes_nothing(stack: Stack) -> None:
    """Whatever its entries say."""
    stack.edit(AI, PORTS, "    network_mode: none\n    ports: ['11434:11434']\n")
    assert stack.found(EXPOSED_PORT) == {}


@pytest.mark.parametrize("mode", ["service:nowhere", "service:news-creator-backend"])
def test_a_network_that_leads_nowhere_is_no_ones(stack: Stack, mode: str) -> None:
    """Compose says what is wrong with it."""
    stack.edit(AI, PORTS, f'    network_mode: "{mode}"\n')
    assert stack.found(EXPOSED_PORT) == {}


def _has_compose() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = subprocess.run([docker, "compose", "version", "--short"], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and asked.stdout.strip().startswith("2.")


def oracle(root: Path) -> list[list[str]] | None:
    """Return the addresses of each service's ports as Docker Compose resolves them, None where it refuses."""
    command = ["docker", "compose", "-f", "compose.yaml", "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ".")}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    services = json.loads(done.stdout)["services"]
    return [[port.get("host_ip", "") for port in services[name]["ports"]] for name in sorted(services)]


def ours(root: Path) -> list[list[str]] | None:
    """Return the same as we resolve them."""
    try:
        services = load_project(root, files=["compose.yaml"]).services
    except ResolutionError:
        return None
    return [[port.host_ip for port in services[name].ports] for name in sorted(services)]


def write(root: Path, entries: list[str]) -> None:
    """Write a Compose file with one service an entry."""
    lines = [f"  s{index:02}: {{image: i, ports: [{entry}]}}\n" for index, entry in enumerate(entries)]
    (root / "compose.yaml").write_text("services:\n" + "".join(lines), encoding="utf-8")


@pytest.mark.skipif(not _has_compose(), reason="docker compose 2 is not installed: it is the oracle here")
@pytest.mark.parametrize(("entries", "reach"), [(EVERYONE, "everyone"), (LOOPBACK, "loopback")])
def test_compose_itself_takes_every_spelling_for_what_we_take_it(
    tmp_path: Path, entries: list[str], reach: str
) -> None:
    """The addresses that it resolves are ours, and all of one reach."""
    write(tmp_path, entries)
    theirs = oracle(tmp_path)
    assert theirs is not None
    assert theirs == ours(tmp_path)
    assert {reach_of(address or "::") for addresses in theirs for address in addresses} == {reach}


@pytest.mark.skipif(not _has_compose(), reason="docker compose 2 is not installed: it is the oracle here")
@pytest.mark.parametrize("entry", REFUSED)
def test_what_compose_refuses_is_no_address_to_us(tmp_path: Path, entry: str) -> None:
    """It publishes nothing, so nothing is said of it."""
    write(tmp_path, [entry])
    assert oracle(tmp_path) is None
    assert {reach_of(address) for addresses in ours(tmp_path) or [] for address in addresses} <= {None}
