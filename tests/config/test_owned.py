"""What a stack of our own changes in a project, and what it must never touch."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Any

from pytest_newscreator.stack.mounts import copied
from pytest_newscreator.stack.owned import LABEL, owned


def placed(model: dict[str, Any], tmp_path: Path, base_files: dict[str, Path] | None = None) -> Any:
    """Return the model of a project as a stack of our own, its placements and notes."""
    repository = tmp_path / "repository"
    repository.mkdir(exist_ok=True)
    return owned(
        model,
        project="newscreator-1",
        labels={LABEL: "1"},
        nvidia=lambda: False,
        base_files=base_files or {},
        services={"ollama": "backend"},
        copied=lambda source: copied(source, repository, tmp_path / "stack"),
    )


def service(**keys: Any) -> dict[str, Any]:
    """Return a project with one service."""
    return {"name": "live", "services": {"ollama": {"image": "ollama/ollama:0.24.0", **keys}}}


def test_a_writable_folder_of_this_machine_is_never_mounted(tmp_path: Path) -> None:
    """A model store in a home folder is replaced by an empty one of the run, and listed."""
    store = tmp_path / "home" / ".ollama"
    store.mkdir(parents=True)
    (store / "precious").write_text("real weights")
    mount = {"type": "bind", "source": str(store), "target": "/home/ollama/.ollama"}
    model, placements, _ = placed(service(volumes=[mount]), tmp_path)
    (replaced,) = model["services"]["ollama"]["volumes"]
    assert (replaced["type"], replaced["target"]) == ("volume", "/home/ollama/.ollama")
    assert model["volumes"][replaced["source"]] == {"labels": {LABEL: "1"}}
    assert str(placements[0]).startswith(f"backend mount /home/ollama/.ollama: {store} -> an empty volume")


def test_configuration_of_the_repository_is_copied(tmp_path: Path) -> None:
    """A small folder of the checkout that is mounted writable is there, as a copy."""
    config = tmp_path / "repository" / "config"
    config.mkdir(parents=True)
    (config / "a.yaml").write_text("a: 1\n")
    mount = {"type": "bind", "source": str(config), "target": "/config"}
    model, _, _ = placed(service(volumes=[mount]), tmp_path)
    source = Path(model["services"]["ollama"]["volumes"][0]["source"])
    assert source != config
    assert (source / "a.yaml").read_text() == "a: 1\n"


def test_what_is_mounted_read_only_stays(tmp_path: Path) -> None:
    """Nothing can be written there, so the real folder is mounted."""
    mount = {"type": "bind", "source": str(tmp_path), "target": "/models", "read_only": True}
    model, placements, _ = placed(service(volumes=[dict(mount)]), tmp_path)
    assert model["services"]["ollama"]["volumes"] == [mount]
    assert placements == ()


def test_names_ports_and_labels_are_our_own(tmp_path: Path) -> None:
    """Project, container name, ports, volumes and networks cannot meet a live stack's."""
    project = service(container_name="ollama", ports=[{"target": 11434, "published": "11434", "host_ip": "::"}])
    project["volumes"] = {"models": {"name": "shared_models", "external": True}}
    project["networks"] = {"default": {"name": "shared"}}
    model, _, _ = placed(project, tmp_path)
    ollama = model["services"]["ollama"]
    assert model["name"] == "newscreator-1"
    assert "container_name" not in ollama
    assert [(p["host_ip"], p.get("published")) for p in ollama["ports"]] == [("127.0.0.1", None)]
    assert model["volumes"]["models"] == {"labels": {LABEL: "1"}}
    assert model["networks"]["default"] == {"labels": {LABEL: "1"}}


def test_a_volume_that_is_a_folder_in_disguise_is_a_plain_one(tmp_path: Path) -> None:
    """`driver_opts` with a device would bring the folder of the host in by the back door."""
    project = service()
    project["volumes"] = {"m": {"driver": "local", "driver_opts": {"type": "none", "o": "bind", "device": "/data"}}}
    model, placements, _ = placed(project, tmp_path)
    assert model["volumes"]["m"] == {"driver": "local", "labels": {LABEL: "1"}}
    assert str(placements[0]).startswith("volume m device: /data -> an empty volume")


def test_a_volume_in_memory_stays_one(tmp_path: Path) -> None:
    """Its size is part of what is verified, and it is no folder of anybody."""
    options = {"type": "tmpfs", "o": "size=64m", "device": "tmpfs"}
    project = service()
    project["volumes"] = {"m": {"driver": "local", "driver_opts": dict(options)}}
    model, placements, _ = placed(project, tmp_path)
    assert model["volumes"]["m"]["driver_opts"] == options
    assert not placements


def test_a_gpu_reservation_is_dropped_where_there_is_none_and_said_so(tmp_path: Path) -> None:
    """In each of its spellings."""
    reservations = {"devices": [{"capabilities": ["gpu"], "driver": "nvidia"}]}
    project = service(deploy={"resources": {"reservations": reservations}}, runtime="nvidia", gpus="all")
    model, _, notes = placed(project, tmp_path)
    ollama = model["services"]["ollama"]
    assert ollama["deploy"]["resources"]["reservations"] == {}
    assert "runtime" not in ollama
    assert "gpus" not in ollama
    assert notes == ("backend: the GPU reservation was dropped, Docker has no NVIDIA runtime here",)


def test_the_rest_is_byte_equal(tmp_path: Path) -> None:
    """Environment, command, health check and limits are what Compose made of them."""
    kept = {
        "command": ["serve"],
        "environment": {"OLLAMA_NUM_PARALLEL": "1", "X": "$$literal"},
        "healthcheck": {"test": ["CMD", "ollama", "list"]},
        "mem_limit": "1073741824",
    }
    model, placements, notes = placed(service(**kept), tmp_path)
    assert {key: model["services"]["ollama"][key] for key in kept} == kept
    assert (placements, notes) == ((), ())


def test_what_reaches_beyond_the_run_is_dropped_and_listed(tmp_path: Path) -> None:
    """The host's namespaces, another container's, its volumes, and tags that would move the user's."""
    foreign = {"network_mode": "host", "pid": "host", "ipc": "container:live", "uts": "host", "userns_mode": "host"}
    project = service(**foreign, volumes_from=["container:live:ro"], build={"context": ".", "tags": ["mine:latest"]})
    model, placements, _ = placed(project, tmp_path)
    ollama = model["services"]["ollama"]
    assert not set(foreign) & set(ollama)
    assert ollama["volumes_from"] == []
    assert "tags" not in ollama["build"]
    assert {one.name for one in placements} == {*foreign, "volumes_from", "build.tags"}


def test_what_stays_within_the_run_is_left(tmp_path: Path) -> None:
    """A namespace shared with another service of the same run is part of what is verified."""
    kept = {"network_mode": "service:app", "pid": "service:app", "ipc": "private"}
    model, placements, _ = placed(service(**kept), tmp_path)
    assert {name: model["services"]["ollama"][name] for name in kept} == kept
    assert not placements


def test_dockers_socket_is_not_mounted(tmp_path: Path) -> None:
    """Read-only or not: who has it commands the user's containers."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/docker.sock")
        mount = {"type": "bind", "source": f"{short}/docker.sock", "target": "/var/run/docker.sock", "read_only": True}
        model, placements, _ = placed(service(volumes=[mount]), tmp_path)
    assert model["services"]["ollama"]["volumes"] == []
    assert "dropped" in str(placements[0])


def test_a_mount_that_is_not_there_makes_no_folder_of_this_machine(tmp_path: Path) -> None:
    """Docker makes the folder where it is missing, in the checkout and as root."""
    mount = {"type": "bind", "source": str(tmp_path / "gone"), "target": "/x", "read_only": True}
    model, placements, _ = placed(service(volumes=[mount]), tmp_path)
    assert model["services"]["ollama"]["volumes"][0]["type"] == "volume"
    assert "it does not exist" in str(placements[0])
    assert not (tmp_path / "gone").exists()


def test_a_service_by_the_image_of_another_has_what_this_run_built(tmp_path: Path) -> None:
    """Else it would be verified on an image of some earlier build."""
    services = {"a": {"build": {"context": "."}, "image": "i:1"}, "b": {"image": "i:1"}, "c": {"image": "other:1"}}
    model, _, _ = placed({"name": "live", "services": services}, tmp_path)
    images = {name: one["image"] for name, one in model["services"].items()}
    assert images == {"a": "newscreator-1-a", "b": "newscreator-1-a", "c": "other:1"}


def test_fixed_names_ports_and_external_resources_are_listed(tmp_path: Path) -> None:
    """A change is never silent."""
    project = service(container_name="ollama", ports=[{"target": 11434, "published": "11434"}])
    project["networks"] = {"shared": {"name": "proxy", "external": True}, "default": {"name": "live_default"}}
    _, placements, _ = placed(project, tmp_path)
    assert {one.name for one in placements} == {"container_name", "ports", "name"}
    assert [one.declared for one in placements if one.name == "name"] == ["proxy (external)"]
