"""What the checks of level `deployed` conclude of what was observed, without a stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.checks.deployed import (
    effective,
    environment,
    files,
    foreign_host,
    foreign_origin,
    healthy,
    listening,
    origin,
    stable,
)
from pytest_newscreator.checks.deployed.arrivals import Arrival, arrivals
from pytest_newscreator.checks.deployed.contents import Difference, difference
from pytest_newscreator.checks.deployed.image import duration_ns, stale
from pytest_newscreator.checks.deployed.recreation import Drift, drifts, size
from pytest_newscreator.checks.served import generates
from pytest_newscreator.contract.model import Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.observe import dry_run, inside, memory, processes, startup_log
from pytest_newscreator.observe import listening as observed
from pytest_newscreator.observe.listening import Listener
from pytest_newscreator.observe.records import Image
from pytest_newscreator.places import Place
from pytest_newscreator.report import doctor
from pytest_newscreator.resolve.start.scripts import running
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.stack import attach, compose, engine
from pytest_newscreator.stack.container import (
    PROJECT_LABEL,
    SERVICE_LABEL,
    WORKING_DIR_LABEL,
    Container,
    container_of,
)
from pytest_newscreator.stack.model import Endpoint, Placement, Stack
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

EVERYWHERE = "0.0.0.0"  # noqa: S104 - only read

STARTED = "2026-11-24T02:58:20.542803657Z"
CONFIG = (
    'time=2026-11-24T03:27:18.469Z level=INFO source=routes.go:1802 msg="server config" env="map[HTTPS_PROXY: '
    "OLLAMA_CONTEXT_LENGTH:8192 OLLAMA_DEBUG:INFO OLLAMA_FLASH_ATTENTION:false OLLAMA_HOST:http://0.0.0.0:11434 "
    "OLLAMA_KEEP_ALIVE:24h0m0s OLLAMA_KV_CACHE_TYPE: OLLAMA_MODELS:/a b/c:d OLLAMA_NUM_PARALLEL:1 "
    "OLLAMA_ORIGINS:[http://a https://b http://localhost https://localhost http://localhost:* app://*] "
    'OLLAMA_REMOTES:[ollama.com] ROCR_VISIBLE_DEVICES: http_proxy: no_proxy:]"'
)
LISTENING = 'level=INFO source=routes.go:1864 msg="Listening on [::]:11434 (version 0.24.0)"'
CPU = 'msg="inference compute" id=cpu library=cpu compute="" name=cpu description=cpu total="23.5 GiB"'
CUDA = 'msg="inference compute" id=GPU-1 library=CUDA compute=8.9 description="NVIDIA GeForce RTX 4060" total="8.0 GiB"'


@pytest.fixture
def backend(stack: Any) -> Service:
    """The reference stack's Ollama, as its contract has it."""
    found: Service = stack.repository().contract.services["backend"]
    return found


def container(state: Mapping[str, Any] | None = None, **raw: Any) -> Container:
    """Make a running container of an inspection with some entries changed."""
    own = {"Status": "running", "StartedAt": STARTED, "Pid": 42, **(state or {})}
    config = {"Image": "news", "Env": ["A=1"], "Labels": {}, **raw.pop("Config", {})}
    whole = {"Id": "abc", "Name": "/news-1", "State": own, "Config": config, "RestartCount": 0, "Image": "sha256:1"}
    return container_of({**whole, **raw})


# stable


def test_a_container_that_is_what_it_was_is_stable(backend: Service) -> None:
    """Nothing happened between the two looks, nor before; dropped zeros of a time are no other time."""
    assert stable.judge(backend, container(), container()) is None
    first, now = container({"StartedAt": "2026-11-24T02:58:20Z"}), container({"StartedAt": "2026-11-24T02:58:20.000Z"})
    assert stable.judge(backend, first, now) is None


@pytest.mark.parametrize(
    ("first", "now", "told"),
    [
        (container(), container(RestartCount=1), "is in a crash loop: restarted once"),
        (container(RestartCount=3), container(RestartCount=3), "was restarted 3 times"),
        (container(RestartCount=3), container(RestartCount=4), "is in a crash loop: restarted 4 times"),
        (container(), container({"Status": "restarting", "ExitCode": 3}, RestartCount=2), "2 times, exit code 3"),
        (container(), container({"StartedAt": "2026-11-24T03:00:00Z"}), "was started again while it was verified"),
        (container(), container({"OOMKilled": True}), "ran out of memory: the kernel killed a process of it"),
        (container(), container({"Status": "exited", "ExitCode": 137}), "is exited, exit code 137"),
        (
            container(),
            container({"OOMKilled": True}, HostConfig={"Memory": 512 << 20}),
            "a process of it (memory limit 512 MiB)",
        ),
    ],
)
def test_what_happened_to_a_container_is_named(backend: Service, first: Container, now: Container, told: str) -> None:
    """Restarts, a crash loop, the kernel's kill and a start by hand are four different sentences."""
    finding = stable.judge(backend, first, now)
    assert finding is not None
    assert finding.message.startswith("backend ")
    assert told in finding.message


def test_a_kill_that_left_the_container_running_is_named(backend: Service) -> None:
    """The engine says nothing of a child that the kernel killed; the kernel's own counter does."""
    finding = stable.judge(backend, container(), container(HostConfig={"Memory": 512 << 20}), killed=2)
    assert finding is not None
    told = "backend ran out of memory: the kernel killed a process of it 2 times (memory limit 512 MiB)"
    assert finding.message == told


def test_the_kernels_counter_is_found_and_read() -> None:
    """Of both versions of control groups."""
    old = "9:name=systemd:/docker/abc\n4:memory:/docker/abc\n0::/\n"
    assert str(memory.counter(old)) == "/sys/fs/cgroup/memory/docker/abc/memory.oom_control"
    new = "0::/system.slice/docker-abc.scope\n"
    assert str(memory.counter(new)) == "/sys/fs/cgroup/system.slice/docker-abc.scope/memory.events"
    assert memory.counted("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n") == 3
    assert memory.counted("low 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n") == 1


def test_a_container_that_has_run_for_long_needs_no_second_look() -> None:
    """By the engine's own clock; one that has just started does, and so does one that is not running."""
    at = datetime(2026, 11, 24, 2, 58, 23, tzinfo=UTC)
    assert stable.is_settled(container(), at)
    assert not stable.is_settled(container(), at.replace(second=21))
    assert not stable.is_settled(container({"Status": "restarting"}), at)
    assert not stable.is_settled(container({"StartedAt": ""}), at)


def test_a_process_is_the_one_that_was_started(backend: Service) -> None:
    """A zombie has ended, and a number that another process has now is not the service."""
    alive = processes.parse(42, "42 (a) b) c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 777 8 9", 0.0)
    assert (alive.state, alive.session, alive.started) == ("S", 42, 777)
    assert stable.judge_process(backend, 42, alive, alive) is None
    for now in (None, replace(alive, state="Z"), replace(alive, started=900)):
        assert stable.judge_process(backend, 42, alive, now) is not None


# files


def arrival(**changes: Any) -> Arrival:
    """Make a copied file."""
    place = Place("Dockerfile", 10, 6)
    own = Arrival("/opt/Modelfile.a", "news-creator/Modelfile.a", place, "copied", "/opt")
    return replace(own, **changes)


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        (b"a\nb\n", b"a\nc\n", Difference(2, "b", "c")),
        (b"a\nb\n", b"a\n", Difference(2, "b", "no such line")),
        (b"a\n", b"a\nb\n", Difference(2, "no such line", "b")),
        (b"a\n", b"a", Difference(2, "no such line", "no such line")),
        (b"a\n", b"a\r\n", Difference(1, "a", "'a\\r'")),
        (b"\xff\x00", b"\xff", Difference(0, "2 bytes", "1 bytes of another content")),
        (b"a", b"a", None),
    ],
)
def test_the_first_line_that_differs_is_told(here: bytes, there: bytes, told: Difference | None) -> None:
    """Byte for byte; what blanks would hide is spelled out."""
    assert difference(here, there) == told


def test_a_copied_file_that_differs_is_told_at_its_line(backend: Service) -> None:
    """The place is the tree's line, the fix builds again."""
    finding = files.judge(arrival(), Difference(3, "PARAMETER num_ctx 16384", "PARAMETER num_ctx 8192"), backend)
    assert finding is not None
    assert finding.headline == (
        "news-creator/Modelfile.a:3: the container has PARAMETER num_ctx 8192, the tree says PARAMETER num_ctx 16384"
        " (backend /opt/Modelfile.a)"
    )
    assert finding.fix == "docker compose up -d --build news-creator-backend"


@pytest.mark.parametrize(
    ("one", "is_changed", "why", "fix"),
    [
        (arrival(way="mounted"), False, "a mount holds on to the file", "up -d --force-recreate"),
        (arrival(volume="/opt"), False, "the volume at /opt lies over", "copy the file into the volume"),
        (arrival(), True, "changed in the container", "up -d --force-recreate"),
    ],
)
def test_the_way_by_which_a_file_differs_is_told(
    backend: Service, one: Arrival, is_changed: bool, why: str, fix: str
) -> None:
    """A mount, a volume over the image and somebody's hand are mended otherwise than a stale image."""
    finding = files.judge(one, Difference(1, "a", "b"), backend, is_changed=is_changed)
    assert finding is not None
    assert why in " ".join(finding.chain)
    assert fix in finding.fix


@pytest.mark.parametrize("source", [".env", "conf/app.env", "tls/server.key", "db-password.txt"])
def test_the_lines_of_a_secret_are_not_printed(backend: Service, source: str) -> None:
    """Neither the tree's nor the container's."""
    finding = files.judge(arrival(source=source), Difference(1, "TOKEN=ours", "TOKEN=theirs"), backend)
    assert finding is not None
    text = "\n".join(finding.lines()) + f"{finding.expected}{finding.observed}"
    assert "ours" not in text
    assert "theirs" not in text


def test_a_file_that_a_later_run_may_have_changed_is_not_judged(backend: Service) -> None:
    """Neither a pass nor a failure."""
    with pytest.raises(NotVerified, match="may have changed it"):
        files.judge(arrival(rewritten=Place("Dockerfile", 12)), Difference(1, "a", "b"), backend)


@pytest.fixture
def lying(stack: Any) -> Callable[[], dict[str, Arrival]]:
    """A function that tells what lies in the backend's container, by path."""

    def found() -> dict[str, Arrival]:
        repository = stack.repository()
        project = repository.resolved["default"]
        return {one.path: one for one in arrivals(repository, project, project.services["news-creator-backend"])}

    return found


def test_where_the_files_lie_is_told_by_the_dockerfile(lying: Callable[[], dict[str, Arrival]]) -> None:
    """A folder as destination, a file under its name, each with the line that brings it."""
    assert {path: one.source for path, one in lying().items() if one.way == "copied"} == {
        "/opt/news-creator/modelfiles/Modelfile.gemma3-4b-16k": "news-creator/Modelfile.gemma3-4b-16k",
        "/opt/news-creator/modelfiles/Modelfile.gemma3-4b-60k": "news-creator/Modelfile.gemma3-4b-60k",
        "/opt/news-creator/entrypoint-backend.sh": "news-creator/entrypoint-backend.sh",
    }


def test_a_mount_over_a_copied_file_decides(stack: Any, lying: Callable[[], dict[str, Arrival]]) -> None:
    """A volume keeps what was copied first, a bind mount of the repository is what the container sees."""
    mounts = "      - models:/var/lib/ollama\n"
    stack.edit("compose/ai.yaml", mounts, mounts + "      - kept:/opt/news-creator/modelfiles\n")
    stack.edit("compose/ai.yaml", "\nvolumes:\n  models:\n", "\nvolumes:\n  models:\n  kept:\n")
    assert lying()["/opt/news-creator/modelfiles/Modelfile.gemma3-4b-16k"].volume == "/opt/news-creator/modelfiles"
    stack.edit("compose/ai.yaml", "kept:/opt/news-creator/modelfiles", "../news-creator:/opt/news-creator:ro")
    found = lying()
    assert found["/opt/news-creator/entrypoint-backend.sh"].way == "mounted"
    assert "/opt/news-creator/modelfiles/Modelfile.gemma3-4b-16k" not in found


@pytest.mark.parametrize(
    ("run", "rewrites"),
    [
        ("RUN sed -i 's/a/b/' /opt/news-creator/entrypoint-backend.sh", True),
        ("RUN find / -name '*.sh' | xargs dos2unix", True),
        ("RUN echo x > /opt/news-creator/entrypoint-backend.sh", True),
        ("RUN chmod +x /opt/news-creator/entrypoint-backend.sh", False),
        ("RUN bash -n /opt/news-creator/entrypoint-backend.sh >/dev/null 2>&1", False),
        ("RUN cp /opt/other /opt/else", False),
    ],
)
def test_a_later_run_that_rewrites_a_file_is_seen(
    stack: Any, lying: Callable[[], dict[str, Arrival]], run: str, rewrites: bool
) -> None:
    """What only reads a file, or writes others, rewrites nothing."""
    stack.edit("news-creator/Dockerfile.backend", "\nUSER ollama\n", f"\n{run}\nUSER ollama\n")
    assert (lying()["/opt/news-creator/entrypoint-backend.sh"].rewritten is not None) is rewrites


def test_the_files_that_matter_are_subjects(stack: Any) -> None:
    """The Modelfiles of the variants and the start script; what only the image carries is `origin`'s."""
    names = [subject.id for subject in files.files_subjects(stack.repository())]
    assert names == [
        "backend news-creator/Modelfile.gemma3-4b-16k",
        "backend news-creator/Modelfile.gemma3-4b-60k",
        "backend news-creator/entrypoint-backend.sh",
    ]


def test_links_never_lead_out_of_a_container(tmp_path: Path) -> None:
    """An absolute link is one of the container's own files, a chain of links ends."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/real").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (root / "absolute").symlink_to("/etc/real")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("../../../secret")
    (root / "round").symlink_to("round")
    seen = inside.Seen(root)
    assert seen.read("/absolute") == b"inside"
    assert [seen.read(path) for path in ("/out", "/up", "/round", "/none")] == [None] * 4


# origin

HISTORY = (
    "CMD []",
    'ENTRYPOINT ["/opt/news-creator/entrypoint-backend.sh"]',
    "VOLUME [/var/lib/ollama]",
    "USER ollama",
    "ENV MODELFILE_DIR=/opt/news-creator/modelfiles",
    "ENV OLLAMA_MODELS=/var/lib/ollama/models",
    "ENV HOME=/home/ollama",
    "COPY entrypoint-backend.sh /opt/news-creator/entrypoint-backend.sh # buildkit",
    "COPY Modelfile.gemma3-4b-16k Modelfile.gemma3-4b-60k /opt/news-creator/modelfiles/ # buildkit",
    (
        "RUN /bin/sh -c useradd --uid 2000 --user-group --create-home --home-dir /home/ollama ollama  && mkdir -p "
        "/var/lib/ollama/models  && chown -R ollama:ollama /var/lib/ollama # buildkit"
    ),
    'CMD ["serve"]',
    'ENTRYPOINT ["/bin/ollama"]',
)
BUILT: Mapping[str, Any] = {
    "Env": ["HOME=/home/ollama", "OLLAMA_MODELS=/var/lib/ollama/models", "MODELFILE_DIR=/opt/news-creator/modelfiles"],
    "Entrypoint": ["/opt/news-creator/entrypoint-backend.sh"],
    "User": "ollama",
    "Volumes": {"/var/lib/ollama": {}},
}


def found_stale(stack: Any, config: Mapping[str, Any] = BUILT, history: tuple[str, ...] = HISTORY) -> list[str]:
    """Return what makes the backend's image stale."""
    repository = stack.repository()
    project = repository.resolved["default"]
    own = running(repository, project, project.services["news-creator-backend"]).files
    assert own.dockerfile is not None
    assert own.given.image is not None
    found = stale(own.dockerfile, own.given.image, Image("sha256:1", config, history))
    return [f"{one.what}: {one.declared} | {one.built}" for one in found]


def test_an_image_built_of_the_dockerfile_is_not_stale(stack: Any) -> None:
    """By BuildKit's history, by the older builder's, and with a flattened history by its configuration alone."""
    legacy = tuple(
        text.removeprefix("RUN ").removesuffix(" # buildkit")
        if text.startswith("RUN")
        else f"/bin/sh -c #(nop)  {text}"
        for text in HISTORY
    )
    assert found_stale(stack) == found_stale(stack, history=legacy) == found_stale(stack, history=("",)) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("--uid 2000", "--uid 2002", "RUN: useradd --uid 2002"),
        ("ENV HOME=/home/ollama\n", "", "instruction: RUN | COPY Modelfile"),
        ("USER ollama\n", "USER nobody\n", "USER: nobody | ollama"),
        ("ENV HOME=/home/ollama", "ENV HOME=/root", "ENV HOME: /root | /home/ollama"),
        ("CMD []", 'CMD ["serve"]', "CMD: serve | "),
        ("USER ollama\n", "USER ollama\nLABEL a=b\n", "LABEL a: b | none"),
        ("USER ollama\n", "USER ollama\nEXPOSE 11434\n", "EXPOSE: 11434/tcp | none"),
        ("USER ollama\n", "USER ollama\nHEALTHCHECK CMD true\n", "HEALTHCHECK: CMD-SHELL true | "),
    ],
)
def test_what_a_dockerfile_says_otherwise_now_makes_its_image_stale(stack: Any, old: str, new: str, told: str) -> None:
    """Changed, removed and added instructions."""
    stack.edit("news-creator/Dockerfile.backend", old, new)
    assert any(told in one for one in found_stale(stack)), found_stale(stack)


def test_an_instruction_that_is_gone_from_the_top_is_seen_where_the_base_is_here(stack: Any) -> None:
    """The base's own history says where it ends; another base's says nothing."""
    repository = stack.repository()
    project = repository.resolved["default"]
    own = running(repository, project, project.services["news-creator-backend"]).files
    assert own.dockerfile is not None
    assert own.given.image is not None
    history = (*HISTORY[:10], "RUN /bin/sh -c true # buildkit", *HISTORY[10:])
    built, base = Image("sha256:1", BUILT, history), Image("sha256:2", {}, HISTORY[10:])
    (found,) = stale(own.dockerfile, own.given.image, built, base)
    assert (found.what, found.built) == ("instruction", "RUN /bin/sh -c true")
    assert list(stale(own.dockerfile, own.given.image, Image("sha256:1", BUILT, HISTORY), base)) == []
    assert list(stale(own.dockerfile, own.given.image, built, Image("sha256:3", {}, ("CMD",)))) == []


def test_comments_blanks_and_line_breaks_make_no_image_stale(stack: Any) -> None:
    """What builds the same image is the same Dockerfile."""
    stack.edit("news-creator/Dockerfile.backend", " && mkdir -p", "    && \\\n # a folder\n    mkdir -p")
    stack.edit("news-creator/Dockerfile.backend", "ENV HOME=/home/ollama", '# home\nENV HOME "/home/ollama"')
    assert found_stale(stack) == []


def test_a_value_that_hangs_on_the_base_image_is_not_compared(stack: Any) -> None:
    """Its PATH is known to nobody here."""
    stack.edit("news-creator/Dockerfile.backend", "ENV HOME=/home/ollama", "ENV HOME=/home/$SOMEBODY")
    assert not [one for one in found_stale(stack) if one.startswith("ENV HOME")]


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m30s", 90), ("10s", 10), ("1.5s", 1.5), ("500ms", 0.5), ("2h", 7200), ("10", None)]
)
def test_durations_are_read_as_docker_reads_them(text: str, seconds: float | None) -> None:
    """In nanoseconds, as an inspection prints them."""
    assert duration_ns(text) == (None if seconds is None else round(seconds * 1e9))


def inspection(**changes: Any) -> dict[str, Any]:
    """Return what the engine tells of the backend's container, as its files have it."""
    host = {
        "RestartPolicy": {"Name": "unless-stopped"},
        "Init": True,
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapAdd": None,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "Tmpfs": {"/tmp": "", "/home/ollama": "uid=2000"},
        "NetworkMode": "news-creator_default",
        "Memory": 12 << 30,
        "NanoCpus": 0,
        "PidsLimit": 512,
        "DeviceRequests": None,
        "PortBindings": {"11434/tcp": [{"HostIp": "127.0.0.1", "HostPort": "11434"}]},
        **{name: value for name, value in changes.items() if name not in {"Config", "Mounts"}},
    }
    test = (
        'test -e "$HOME/.news-creator-ready" && ollama show gemma3-4b-16k >/dev/null && ollama show gemma3-4b-60k '
        ">/dev/null"
    )
    health = {"Test": ["CMD-SHELL", test], "Interval": 5 * 10**9, "Timeout": 10**10, "StartPeriod": 600 * 10**9}
    config = {
        "Entrypoint": ["/opt/news-creator/entrypoint-backend.sh"],
        "User": "ollama",
        "Healthcheck": {**health, "Retries": 3},
        **changes.get("Config", {}),
    }
    mounts = [
        {"Type": "volume", "Destination": "/var/lib/ollama", "RW": True},
        {"Type": "bind", "Source": "/x/compose/model-files", "Destination": "/model-files", "RW": False},
    ]
    return {"HostConfig": host, "Config": config, "Mounts": changes.get("Mounts", mounts)}


def drifting(stack: Any, raw: Mapping[str, Any], invocation: str = "cpu") -> list[str]:
    """Return the keys by which a container differs from the files."""
    repository = stack.repository()
    compose = repository.resolved[invocation].services["news-creator-backend"]
    return [f"{one.key}: {one.declared} | {one.running}" for one in drifts(compose, raw, BUILT)]


def test_a_container_that_is_as_its_files_say_drifts_by_no_key(stack: Any) -> None:
    """Defaults that the engine writes out are not what nobody declared."""
    assert drifting(stack, inspection()) == []
    by_range = {"11434/tcp": [{"HostIp": "127.0.0.1", "HostPort": "11434"}], "9/udp": None}
    assert drifting(stack, inspection(PortBindings=by_range, SecurityOpt=["no-new-privileges"])) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"RestartPolicy": {"Name": "no"}}, "restart: unless-stopped | no"),
        ({"Init": None}, "init: true | false"),
        ({"ReadonlyRootfs": False}, "read_only: true | false"),
        ({"Privileged": True}, "privileged: false | true"),
        ({"CapAdd": ["SYS_ADMIN"]}, "cap_add: none | SYS_ADMIN"),
        ({"CapDrop": None}, "cap_drop: ALL | none"),
        ({"SecurityOpt": None}, "security_opt: no-new-privileges | none"),
        ({"Tmpfs": {"/tmp": ""}}, "tmpfs: /home/ollama, /tmp | /tmp"),
        ({"NetworkMode": "host"}, "network_mode: none | host"),
        ({"Memory": 0}, "memory: 12884901888 | 0"),
        ({"PidsLimit": None}, "pids: 512 | none"),
        (
            {"PortBindings": {"11434/tcp": [{"HostIp": "", "HostPort": "11434"}]}},
            "ports: 127.0.0.1:11434:11434/tcp | 0.0",
        ),
        ({"PortBindings": {}}, "ports: 127.0.0.1:11434:11434/tcp | none"),
        ({"Mounts": []}, "volumes: /var/lib/ollama (volume) | nothing at /var/lib/ollama"),
        ({"Config": {"User": "root"}}, "user: ollama | root"),
        ({"Config": {"Cmd": ["serve"]}}, "command: none | serve"),
        ({"Config": {"Healthcheck": None}}, "healthcheck.test: CMD-SHELL test -e"),
    ],
)
def test_each_key_that_differs_is_named(stack: Any, changes: dict[str, Any], told: str) -> None:
    """One after the other, as the engine tells them."""
    assert any(told in one for one in drifting(stack, inspection(**changes))), drifting(stack, inspection(**changes))


def test_a_gpu_that_the_files_reserve_and_the_container_lacks_is_named(stack: Any) -> None:
    """Under the invocation that reserves one."""
    assert drifting(stack, inspection(), "default") == ["gpu: true | false"]
    assert drifting(stack, inspection(DeviceRequests=[{"Driver": "nvidia"}]), "default") == []


def drift(key: str, *, is_open: bool = False) -> Drift:
    """Make a drift."""
    return Drift(key, "declared", "running", Place("compose/ai.yaml", 9), is_open)


@pytest.mark.parametrize(
    ("found", "verdict", "told", "severity"),
    [
        ([], "Running", None, None),
        ([], None, None, None),
        ([drift("init")], "Recreate", "backend runs with init running, the files say declared", "error"),
        ([drift("init")], None, "backend runs with init running", "error"),
        ([drift("init")], "Running", None, None),
        ([drift("init"), drift("memory")], "Running", "backend runs with memory running", "error"),
        ([drift("ports", is_open=True)], "Recreate", "backend runs with ports running", "note"),
        ([drift("ports", is_open=True), drift("init")], "Recreate", "backend runs with init running", "error"),
        ([], "Recreate", "would create backend again", "note"),
    ],
)
def test_composes_own_verdict_and_the_keys_are_weighed(
    backend: Service, found: list[Drift], verdict: str | None, told: str | None, severity: str | None
) -> None:
    """What Compose would leave differs only by what is changed behind it; what a shell may set is a note."""
    finding = origin.judge_up(backend, found, verdict)
    assert (finding.severity if finding else None) == severity
    assert told is None or (finding is not None and told in finding.message)


def test_the_lines_of_a_dry_run_are_read() -> None:
    """The first word for a container is what is done to it."""
    text = (
        " DRY-RUN MODE -  Container a-1  Recreate \n DRY-RUN MODE -  Container a-1  Recreated \n"
        " DRY-RUN MODE -  Container b-1  Running \n DRY-RUN MODE -  Container 92aa_a-1  Starting \n"
    )
    assert dry_run.parse(text) == {"a-1": "Recreate", "b-1": "Running", "92aa_a-1": "Starting"}


LABELS = {
    "com.docker.compose.project.working_dir": "/home/b",
    "com.docker.compose.project.config_files": "/home/b/c.yaml",
}


@pytest.mark.parametrize(
    ("root", "files_", "told"),
    [
        ("/home/b", {"/home/b/c.yaml"}, None),
        ("/home/b", set(), None),
        ("/home/a", {"/home/a/c.yaml"}, "backend runs as n-1 from another checkout: /home/b, should be /home/a"),
        ("/home/b", {"/home/b/c.yaml", "/home/b/d.yaml"}, "backend was started without /home/b/d.yaml"),
        ("/home/b", {"/home/b/d.yaml"}, "backend was started with /home/b/c.yaml and without /home/b/d.yaml"),
    ],
)
def test_a_container_of_another_checkout_is_told(
    backend: Service, root: str, files_: set[str], told: str | None
) -> None:
    """By Compose's labels: the folder, and each file."""
    finding = origin.judge_checkout(backend, "n-1", LABELS, frozenset(files_), Path(root))
    assert (finding is None) is (told is None)
    assert told is None or (finding is not None and finding.message.startswith(told))


@pytest.mark.parametrize(("text", "number"), [("12G", 12 << 30), ("512m", 512 << 20), ("100", 100), ("1.5gb", 3 << 29)])
def test_sizes_are_read_as_compose_reads_them(text: str, number: int) -> None:
    """Powers of 1024."""
    assert size(text) == number


# effective-config


def test_what_a_server_says_of_itself_is_read() -> None:
    """A text may hold blanks and colons; the last start counts."""
    told = startup_log.parse(["noise", CONFIG.replace("PARALLEL:1", "PARALLEL:4"), CPU, CONFIG, LISTENING, CUDA, CUDA])
    assert told.config is not None
    assert told.config["OLLAMA_MODELS"] == "/a b/c:d"
    assert told.config["OLLAMA_NUM_PARALLEL"] == "1"
    assert told.config["OLLAMA_HOST"] == "http://0.0.0.0:11434"
    assert told.config["OLLAMA_KV_CACHE_TYPE"] == ""
    assert told.version == "0.24.0"
    assert [fields["description"] for fields in told.compute] == ["NVIDIA GeForce RTX 4060"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("OLLAMA_NUM_PARALLEL", "1", None),
        ("OLLAMA_NUM_PARALLEL", "4", "backend uses OLLAMA_NUM_PARALLEL=1, it was given 4"),
        ("OLLAMA_KEEP_ALIVE", "24h", None),
        ("OLLAMA_KEEP_ALIVE", "1h", "backend uses OLLAMA_KEEP_ALIVE=24h0m0s, it was given 1h"),
        ("OLLAMA_FLASH_ATTENTION", "0", None),
        ("OLLAMA_FLASH_ATTENTION", "off", "a text 'off' is read as true"),
        ("OLLAMA_ORIGINS", "http://a,https://b", None),
        ("OLLAMA_ORIGINS", "http://a", "uses OLLAMA_ORIGINS=http://a https://b"),
        ("OLLAMA_HOST", EVERYWHERE, None),
        ("OLLAMA_KV_CACHE_TYPE", "", None),
        ("OLLAMA_REMOTES", "ollama.com", None),
    ],
)
def test_what_is_used_is_what_was_given_as_ollama_reads_it(
    backend: Service, name: str, text: str, told: str | None
) -> None:
    """Compared in the form in which Go prints it."""
    said = startup_log.parse([CONFIG, LISTENING])
    finding = effective.judge(backend, name, text, said.config or {}, said.version, None)
    assert (finding is None) is (told is None)
    assert told is None or (finding is not None and told in finding.message)


def test_a_declared_setting_that_nobody_gives_is_held_to_the_contract(backend: Service) -> None:
    """The server's own default may be right."""
    said = startup_log.parse([CONFIG, LISTENING]).config or {}
    assert effective.judge(backend, "OLLAMA_NUM_PARALLEL", None, said, "0.24.0", None) is None
    finding = effective.judge(backend, "OLLAMA_NUM_PARALLEL", None, {"OLLAMA_NUM_PARALLEL": "4"}, "0.24.0", None)
    assert finding is not None
    assert finding.message == "backend uses OLLAMA_NUM_PARALLEL=4, the contract says 1"


def test_what_a_version_does_not_print_is_not_verified(backend: Service) -> None:
    """Silence is no pass."""
    with pytest.raises(NotVerified, match="does not print OLLAMA_NUM_PARALLEL"):
        effective.judge(backend, "OLLAMA_NUM_PARALLEL", "1", {}, "0.24.0", None)


def test_a_server_that_found_no_card_is_told(backend: Service) -> None:
    """The line of its log names what it computes on."""
    assert effective.judge_card(backend, startup_log.parse([CUDA, CPU]).compute) is None
    finding = effective.judge_card(backend, startup_log.parse([CPU]).compute)
    assert finding is not None
    assert finding.message == "backend found no GPU at its start and computes on cpu, the contract gives it rtx"


# listening, foreign-host, foreign-origin

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 945845 1 0 100 0 0 10 0
   1: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 930238 2 0 100 0 0 10 0
   2: 0100007F:9E53 0100007F:2CAA 01 00000000:00000000 00:00000000 00000000     0        0 930239 2 0 100 0 0 10 0
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000001000000:2CAA 00000000000000000000000000000000:0000 0A 0:0 00:00000000 0 0 0 77 1 0
   1: 0000000000000000FFFF00000100007F:2CAB 00000000000000000000000000000000:0000 0A 0:0 00:00000000 0 0 0 78 1 0
"""


def test_the_kernels_tables_are_read() -> None:
    """Listening sockets only, addresses as people write them."""
    assert list(observed.parse(TCP)) == [("127.0.0.1", 11434, 945845), (EVERYWHERE, 8001, 930238)]
    assert list(observed.parse(TCP6)) == [("::1", 11434, 77), ("::ffff:127.0.0.1", 11435, 78)]


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (["127.0.0.1", "::1", "127.0.0.53", "::ffff:127.0.0.1"], None),
        ([], None),
        ([EVERYWHERE], "listens on every interface, at 0.0.0.0:80"),
        (["127.0.0.1", "::"], "listens on every interface, at [::]:80"),
        (["192.168.1.5"], "listens beyond this machine, at 192.168.1.5:80"),
        (["192.168.1.5", EVERYWHERE], "listens on every interface, at 0.0.0.0:80"),
        (["::ffff:10.0.0.1"], "listens beyond this machine, at [::ffff:10.0.0.1]:80"),
    ],
)
def test_an_address_beyond_the_loopback_interface_is_an_error(
    backend: Service, addresses: list[str], told: str | None
) -> None:
    """The one that lets everybody in is named first."""
    finding = listening.judge(backend, tuple(Listener(address, 80, "here") for address in addresses))
    assert (finding is None) is (told is None)
    assert told is None or (finding is not None and told in finding.message and finding.severity == "error")


def test_what_the_engine_bound_is_told_as_it_is() -> None:
    """An empty address is every one; the address by which this machine asks is another matter."""
    ports = {
        "11434/tcp": [{"HostIp": EVERYWHERE, "HostPort": "11434"}, {"HostIp": "::", "HostPort": "11434"}],
        "9/tcp": None,
    }
    found = container(NetworkSettings={"Ports": ports})
    assert [(one.address, one.published) for one in found.bindings] == [(EVERYWHERE, 11434), ("::", 11434)]
    assert found.url(11434) == "http://127.0.0.1:11434"


def severity(finding: Finding | None) -> str:
    """Return how loud a finding is, "" for none."""
    return finding.severity if finding is not None else ""


@pytest.mark.parametrize(
    ("how", "status", "beyond", "loud"),
    [
        ("container", 403, [], ""),
        ("container", 200, [], "note"),
        ("container", 200, [EVERYWHERE], "error"),
        ("process", 403, [], ""),
        ("process", 200, [], "error"),
        ("url", 200, [], "note"),
    ],
)
def test_a_foreign_hosts_name(backend: Service, how: str, status: int, beyond: list[str], loud: str) -> None:
    """Always answered in a container, and an error where others reach it."""
    assert severity(foreign_host.judge(backend, how, status, beyond)) == loud


def test_a_foreign_origin_must_be_refused(backend: Service) -> None:
    """403 and nothing else."""
    assert foreign_origin.judge(backend, 403) is None
    assert severity(foreign_origin.judge(backend, 200)) == "error"


# several containers of one service, and services that cannot be asked


def of(name: str, project: str = "live", service: str = "app", status: str = "running") -> Container:
    """Make a container of a Compose project."""
    labels = {PROJECT_LABEL: project, SERVICE_LABEL: service, WORKING_DIR_LABEL: "/srv"}
    return container({"Status": status}, Id=name, Name=f"/{name}", Config={"Labels": labels})


def test_every_container_of_a_service_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of a scaled service is one of it; another service's, or another project's, is not."""
    every = [of("live-app-1"), of("live-app-2"), of("live-db-1", service="db"), of("x-app-1", project="x")]
    monkeypatch.setattr(engine, "containers", lambda project: [one for one in every if _is_of(one, project)])
    monkeypatch.setattr(engine, "_ONCE", {})
    assert [one.name for one in engine.replicas(every[0])] == ["live-app-2"]
    assert engine.replicas(every[2]) == ()


def _is_of(one: Container, project: str) -> bool:
    """Return whether a container is of a project."""
    return one.labels[PROJECT_LABEL] == project


def test_of_several_containers_one_is_chosen_and_all_are_told() -> None:
    """What runs is judged; that a service has two, and that a second project lives here, is said."""
    every = [of("b-app-1", project="b"), of("a-app-2"), of("a-app-1"), of("a-db-1", service="db", status="exited")]
    taken = attach.chosen(every)
    assert {name: one.name for name, one in taken.items()} == {"app": "a-app-1", "db": "a-db-1"}
    told = attach.beside(every, taken)
    assert any("app has 2 containers (a-app-1, a-app-2)" in note for note in told)
    assert any("a second project of this folder, b, is there too and not verified: b-app-1" in note for note in told)
    assert attach.beside(every[2:], attach.chosen(every[2:])) == ()


def test_a_start_waits_for_the_worst_of_several_containers() -> None:
    """One that is well does not hide one that is not."""
    assert compose.worst([of("app-1"), of("app-2", status="exited")])["app"].name == "app-2"
    assert compose.worst([of("app-2", status="exited"), of("app-1")])["app"].name == "app-2"


def test_what_never_serves_is_refused_at_once(backend: Service) -> None:
    """A port that is not published, and a service that no profile creates, are known before anything is started."""
    name, port = backend.compose, backend.port
    compose.refuse_what_never_serves([backend], {"services": {name: {"ports": [{"target": port}]}}})
    with pytest.raises(StackError, match=f"port {port} of {name} is not published"):
        compose.refuse_what_never_serves([backend], {"services": {name: {"ports": [{"target": 1}]}}})
    with pytest.raises(StackError, match="is never created"):
        compose.refuse_what_never_serves([backend], {"services": {}})


def test_a_service_that_nothing_can_be_asked_of_is_not_verified(backend: Service) -> None:
    """`sleep 1d` runs; that it is healthy was not seen."""
    silent = Endpoint(backend, "container", None, container="abc")
    with pytest.raises(NotVerified, match="neither a health check nor a port"):
        healthy.unasked(backend, silent, container())
    healthy.unasked(backend, replace(silent, url="http://127.0.0.1:1"), container())
    healthy.unasked(backend, silent, container({"Health": {"Status": "healthy"}}))


@pytest.mark.parametrize(
    ("status", "told"),
    [("exited", "is exited, exit code 0: nothing of it can listen"), ("running", "publishes no port")],
)
def test_where_nothing_listens_nothing_was_verified(
    backend: Service, monkeypatch: pytest.MonkeyPatch, status: str, told: str
) -> None:
    """A stopped container, and one without a published port, opened no address to look at."""
    monkeypatch.setattr(engine, "inspect", lambda _: container({"Status": status}))
    endpoint = Endpoint(backend, "container", None, container="abc")
    assert told in listening.unseen(backend, endpoint, frozenset())


def test_a_secret_that_differs_is_told_without_its_value(backend: Service) -> None:
    """The value that runs and the one the files say are told apart, and neither is shown."""
    variable = environment.Variable(backend, "HF_TOKEN")
    running, value = Stack("attach", owned=False, invocation=None, endpoints={}), Value("HF_TOKEN", "plain-two")
    with pytest.raises(Broken) as told:
        environment._differs(running, variable, value, "plain-one", "plain-two")
    whole = f"{told.value} {told.value.finding!r}"
    assert "plain-" not in whole
    assert told.value.finding.expected != told.value.finding.observed


def test_a_placed_secret_is_listed_without_its_value() -> None:
    """By the name of the variable, and by the password of an address."""
    token = Placement("app", "API_TOKEN", "tok at /run", "tok at /tmp/run", "placed on this machine")
    address = Placement("app", "LLM_SERVICE_URL", "http://u:pa55@b:1", "http://u:pa55@127.0.0.1:2", "placed")
    told = Stack("process", True, None, {}, placements=(token, address), notes=("LLM at http://u:pa55@b:1",))
    assert told.description[1:] == (
        "  placed: app API_TOKEN: *** -> *** (placed on this machine)",
        "  placed: app LLM_SERVICE_URL: http://u:***@b:1 -> http://u:***@127.0.0.1:2 (placed)",
        "  LLM at http://u:***@b:1",
    )


@pytest.mark.parametrize(
    "said",
    [
        "ollama version is 0.24.0",
        "Warning: could not connect to a running Ollama instance\nWarning: client version is 0.24.0",
        "ollama version is 0.14.3\nWarning: client version is 0.24.0",
    ],
)
def test_the_doctor_shows_the_version_of_ollama_alone(said: str) -> None:
    """The program's own version, whatever it warns of."""
    assert doctor.version_of(said) == "0.24.0"


def test_the_longest_prompt_is_not_sent_to_a_server_that_others_use() -> None:
    """A stack that was found running is spared; one of our own, and an address that was named, are asked."""
    found = Stack("attach", owned=False, invocation=None, endpoints={})
    with pytest.raises(NotVerified, match="a prompt of 14000 tokens to news would keep the users"):
        generates.unless_live(found, "news", 14000)
    generates.unless_live(replace(found, kind="url"), "news", 14000)
    generates.unless_live(replace(found, kind="compose", owned=True), "news", 14000)
