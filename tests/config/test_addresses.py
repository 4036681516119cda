"""What the text of an address setting holds, and who answers there inside a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_newscreator.resolve.addresses import Address, Entry, address, entries, masked
from pytest_newscreator.resolve.compose.project import load_project
from pytest_newscreator.resolve.networks import Reached, reach

ONE = {
    "http://ollama:11434": Address("http", "ollama", 11434),
    "http://ollama:11434/v1?x=1": Address("http", "ollama", 11434),
    "HTTP://Ollama.:8080/": Address("http", "ollama", 8080),
    "https://user:secret@llm.example": Address("https", "llm.example", None),
    "ollama:11434": Address("", "ollama", 11434),
    "ollama": Address("", "ollama", None),
    "http://[::1]:11434": Address("http", "::1", 11434),
    "http://ollama:": Address("http", "ollama", None),
}
NONE = ("http://", "11434", "http://ollama:99999", "http://ollama:0", "unix:///run/ollama.sock", "http://a b", ":11434")


@pytest.mark.parametrize(("text", "expected"), ONE.items(), ids=ONE)
def test_an_address_is_scheme_host_and_port(text: str, expected: Address) -> None:
    """Path, query and credentials say nothing of who answers."""
    assert address(text) == expected


@pytest.mark.parametrize("text", NONE)
def test_what_has_no_host_or_no_possible_port_is_no_address(text: str) -> None:
    """It is not guessed at."""
    assert address(text) is None


@pytest.mark.parametrize(("text", "port"), [("http://a", 80), ("https://a", 443), ("a", None), ("http://a:1", 1)])
def test_a_request_goes_to_the_port_of_its_scheme_where_none_is_named(text: str, port: int | None) -> None:
    """Without a scheme the program decides."""
    found = address(text)
    assert found is not None
    assert found.wanted_port == port


def shown(entry: Entry) -> tuple[int, str, tuple[str, ...]]:
    """Return where an entry begins, its host and its labels."""
    return entry.start, entry.address.host if entry.address else "", entry.labels


LISTS = {
    "http://a:1": [(0, "a", ())],
    " http://a:1, http://b:2 ": [(1, "a", ()), (13, "b", ())],
    "http://a:1;b:2": [(0, "a", ()), (11, "b", ())],
    '["http://a:1", "b"]': [(2, "a", ()), (16, "b", ())],
    "http://a:1=gemma3:4b,http://b:2=bge-m3": [(0, "a", ("gemma3:4b",)), (21, "b", ("bge-m3",))],
    "a:1001=gemma3:4b": [(0, "a", ("gemma3:4b",))],
    "gemma3:4b=a:1001": [(0, "a", ("gemma3:4b",))],
    "gemma3:4b=http://a:1": [(0, "a", ("gemma3:4b",))],
    "hf.co/org/model:q4=http://a:1": [(0, "a", ("hf.co/org/model:q4",))],
    "chat|http://a:1": [(0, "a", ("chat",))],
    '{"gemma3:4b": "http://a:1"}': [(15, "a", ("gemma3:4b",))],
    '{"http://a:1": ["x", "y"]}': [(2, "a", ("x", "y"))],
    '[{"url": "http://a:1", "model": "x"}]': [(10, "a", ("x",))],
    '{"chat": {"host": "a", "port": 7, "retries": 3}}': [(19, "a", ("chat",))],
    '{"chat": "http://a:1", "strategy": "first", "timeout": 3}': [(10, "a", ("chat",))],
    "[::1]:11434": [(0, "::1", ())],
    "news=somewhere": [(0, "", ("news",))],
    " ": [],
}


@pytest.mark.parametrize(("text", "expected"), LISTS.items(), ids=LISTS)
def test_lists_and_maps_are_read_entry_by_entry(text: str, expected: list[tuple[int, str, tuple[str, ...]]]) -> None:
    """Each entry knows where it begins and what it is mapped to."""
    assert [shown(entry) for entry in entries(text)] == expected


def test_only_a_model_can_stand_behind_an_address() -> None:
    """Before one there may be a label of the program's own."""
    assert entries("http://a:1=x")[0].names_models
    assert not entries("x=http://a:1")[0].names_models


def test_credentials_are_not_repeated() -> None:
    """A message is read by everybody."""
    assert masked("http://me:secret@a:1, b") == "http://***@a:1, b"


PROJECT = """
name: shop
services:
  app: {image: app, networks: [front, back], links: ["llm:brain"], extra_hosts: ["gpu:host-gateway", "far=10.0.0.9"]}
  llm:
    image: ollama/ollama:0.24.0
    container_name: Llm-One
    hostname: llm-host
    ports: ["127.0.0.1:21434:11434", "9000:9000/udp"]
    networks: {back: {aliases: [models], ipv4_address: 172.28.0.5}}
  hidden: {image: ollama/ollama:0.24.0, networks: [far]}
  beside: {image: sidecar, network_mode: "service:llm"}
  native: {image: tool, network_mode: host}
  alone: {image: tool, network_mode: none}
  apart: {image: tool}
networks:
  front: {external: true}
  back: {}
  far: {}
"""
FROM_APP = {
    "http://llm:11434": Reached("network", (("llm", 11434), ("beside", 11434))),
    "http://LLM.:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://llm-one:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://llm-host:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://models:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://172.28.0.5:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://llm.shop_back:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://shop-llm-1:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://brain:1": Reached("network", (("llm", 1), ("beside", 1))),
    "http://localhost:1": Reached("own", (("app", 1),)),
    "http://127.0.0.1": Reached("own", (("app", 80),)),
    "http://host.docker.internal:21434": Reached("host", (("llm", 11434), ("native", 21434))),
    "http://gpu:9000": Reached("host", (("native", 9000),)),
    "http://far:1": Reached("outside"),
    "http://hidden:1": Reached("cut-off", (("hidden", 1),)),
    "http://beside:1": Reached("cut-off", (("beside", 1),)),
    "http://apart:1": Reached("cut-off", (("apart", 1),)),
    "http://llm.example.org": Reached("outside"),
    "http://unknown:1": Reached("outside"),  # an external network may know it
}


def reached(tmp_path: Path, caller: str, text: str) -> Reached:
    """Return what a service of the project reaches."""
    (tmp_path / "compose.yaml").write_text(PROJECT, encoding="utf-8")
    project = load_project(tmp_path)
    found = address(text)
    assert found is not None
    return reach(project, project.services.get(caller), found)


@pytest.mark.parametrize(("text", "expected"), FROM_APP.items(), ids=FROM_APP)
def test_a_name_means_what_docker_makes_of_it(tmp_path: Path, text: str, expected: Reached) -> None:
    """Names are those of the networks that both have; loopback is the container's own."""
    assert reached(tmp_path, "app", text) == expected


FROM_ELSEWHERE = [
    ("beside", "http://localhost:11434", Reached("own", (("llm", 11434), ("beside", 11434)))),
    ("beside", "http://app:1", Reached("network", (("app", 1),))),
    ("native", "http://localhost:21434", Reached("host", (("llm", 11434), ("native", 21434)))),
    ("native", "http://llm:11434", Reached("cut-off", (("llm", 11434),))),
    ("alone", "http://llm:11434", Reached("cut-off", (("llm", 11434),))),
    ("apart", "http://unknown:1", Reached("nobody")),
    ("apart", "http://models:1", Reached("cut-off", (("llm", 1),))),
    ("", "http://localhost:21434", Reached("host", (("llm", 11434), ("native", 21434)))),
]


@pytest.mark.parametrize(("caller", "text", "expected"), FROM_ELSEWHERE)
def test_where_one_stands_decides_what_one_reaches(tmp_path: Path, caller: str, text: str, expected: Reached) -> None:
    """A shared namespace, the host's own network, none at all, and a process outside of Compose."""
    assert reached(tmp_path, caller, text) == expected
