"""Which files are read: git's, without tests, documentation and foreign code, and never one outside the root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.errors import SourceError
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.sources.tree import MOST_BYTES, Listing, files, is_left_out, listing, matcher, read_text

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def write(root: Path, *paths: str, text: str = "x=1\n") -> None:
    """Make files with a little text in them."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def git(root: Path, *arguments: str) -> None:
    """Run git in a folder, whatever the settings of this machine."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.excludesFile=")
    subprocess.run(("git", *identity, *arguments), cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give an empty git repository."""
    git(tmp_path, "init", "-q")
    return tmp_path


@needs_git
def test_tracked_and_new_files_are_read_and_ignored_ones_are_not(repository: Path) -> None:
    """What git ignores is no part of the repository; what is new is."""
    write(repository, "tracked.py", "new.py", ".env", "build.log")
    write(repository, ".gitignore", text=".env\n*.log\n")
    git(repository, "add", "tracked.py")
    assert files(repository) == (".gitignore", "new.py", "tracked.py")


@needs_git
def test_a_deleted_file_is_not_listed(repository: Path) -> None:
    """Git still knows a file that was removed from the tree; there is nothing to read in it."""
    write(repository, "a.py", "b.py")
    git(repository, "add", ".")
    (repository / "a.py").unlink()
    assert files(repository) == ("b.py",)


@needs_git
def test_an_ignored_file_counts_where_an_invocation_reads_it(repository: Path) -> None:
    """`also` names files that count in any case, if they exist."""
    write(repository, "a.py", ".env", "docs/compose.yaml")
    write(repository, ".gitignore", text=".env\n")
    assert files(repository, also=["./.env", "docs/compose.yaml", "missing.env", "../outside.env"]) == (
        ".env",
        ".gitignore",
        "a.py",
        "docs/compose.yaml",
    )


@needs_git
def test_a_folder_of_a_larger_repository_lists_its_own_part(repository: Path) -> None:
    """The contract may stand in a folder of a monorepo, under the ignore rules of the whole."""
    write(repository, "other/a.py", "stack/b.py", "stack/.env")
    write(repository, ".gitignore", text=".env\n")
    git(repository, "add", ".")
    assert files(repository / "stack") == ("b.py",)


@needs_git
def test_a_root_that_a_larger_repository_ignores_is_walked(repository: Path) -> None:
    """Git has nothing to say about such a folder."""
    write(repository, "scratch/stack/b.py")
    write(repository, ".gitignore", text="scratch/\n")
    assert files(repository / "scratch" / "stack") == ("b.py",)


@needs_git
def test_a_repository_that_ignores_everything_is_empty(repository: Path) -> None:
    """An answer of git is an answer, even when it is nothing."""
    write(repository, "a.py")
    write(repository, ".gitignore", text="*\n")
    assert files(repository) == ()


@needs_git
def test_the_variables_of_a_git_hook_name_no_other_repository(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit hook runs with GIT_DIR set, and the files are still those of the root."""
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "-q")
    write(repository, "a.py")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert files(repository) == ("a.py",)


@needs_git
def test_names_of_any_script_arrive_as_they_are(repository: Path) -> None:
    """Git quotes such names in its listings; here they are plain."""
    write(repository, "要約/モデル.py", 'a "b".py')
    git(repository, "add", ".")
    assert files(repository) == ('a "b".py', "要約/モデル.py")


@needs_git
def test_a_conflict_lists_a_file_once(repository: Path) -> None:
    """An unmerged file has three entries in the index and is one file."""
    write(repository, "a.py", text="base\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "base")
    git(repository, "checkout", "-qb", "theirs")
    write(repository, "a.py", text="theirs\n")
    git(repository, "commit", "-qam", "theirs")
    git(repository, "checkout", "-q", "-")
    write(repository, "a.py", text="ours\n")
    git(repository, "commit", "-qam", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "-q", "theirs")
    assert files(repository) == ("a.py",)


def test_without_a_repository_the_tree_is_walked(tmp_path: Path) -> None:
    """A downloaded archive is read too, without what tools put into it."""
    write(tmp_path, "b/c.py", "a.py", ".env", ".venv/lib/x.py", "node_modules/y.js", "src/__pycache__/z.py")
    assert files(tmp_path) == (".env", "a.py", "b/c.py")


def test_without_git_the_tree_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without git reads the tree, and nothing of the repository's own folder."""
    write(tmp_path, "a.py", ".git/config", ".git/hooks/pre-commit.sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert files(tmp_path) == ("a.py",)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tests/infra/compose.yaml", "test code"),
        ("app/Tests/a.py", "test code"),
        ("src/__tests__/a.ts", "test code"),
        ("pkg/testdata/Dockerfile", "test code"),
        ("a/test_config.py", "test code"),
        ("a/config_test.py", "test code"),
        ("conftest.py", "test code"),
        ("a/server_test.go", "test code"),
        ("a/server.test.tsx", "test code"),
        ("a/server.spec.mjs", "test code"),
        ("e2e/run.sh", "test code"),
        ("a/ConfigTest.java", "test code"),
        ("scripts/check.bats", "test code"),
        ("docs/compose.yaml", "documentation"),
        ("README.md", "documentation"),
        ("a/guide.rst", "documentation"),
        ("notes.txt", "documentation"),
        ("LICENSE", "documentation"),
        ("vendor/a/a.go", "vendored"),
        ("web/node_modules/a/index.js", "vendored"),
        ("venv/lib/python3.11/site-packages/a.py", "vendored"),
        ("uv.lock", "generated"),
        ("web/package-lock.json", "generated"),
        ("web/app.min.js", "generated"),
        ("api/news.pb.go", "generated"),
        ("api/news_pb2.py", "generated"),
        ("api/news_pb2_grpc.py", "generated"),
        ("web/dist/app.js", "generated"),
        ("a.egg-info/PKG-INFO", "generated"),
        (".git/config", "version control"),
        ("newscreator.yaml", "the contract itself"),
        ("examples/small/newscreator.yaml", "the contract itself"),
    ],
)
def test_what_is_left_out_has_a_reason(path: str, reason: str) -> None:
    """Each rule names itself, so that `newscreator trace` can tell why a file is not there."""
    assert is_left_out(path) == reason


@pytest.mark.parametrize(
    "path",
    [
        "compose/ai.yaml",
        "docker-compose.test.yml",
        "Dockerfile.test",
        ".env.example",
        "requirements.txt",
        "news-creator/Modelfile.gemma3-4b-16k",
        "build/Dockerfile",
        "src/latest.py",
        "src/contest.go",
        "src/inspector/spec.py",
        "testing.py",
        "src/doctor.sh",
        "vendor.py",
        "distribution/a.py",
        "entrypoint",
    ],
)
def test_what_looks_alike_is_read(path: str) -> None:
    """A name that only resembles a test or a document is a source."""
    assert is_left_out(path) is None


def test_excluded_globs_are_not_read(tmp_path: Path) -> None:
    """The contract can leave out more."""
    write(tmp_path, "legacy/a/b.py", "legacy.py", "src/legacy/c.py", "src/old.gen.yaml")
    assert files(tmp_path, exclude=["legacy/**", "*.gen.yaml"]) == ("legacy.py", "src/legacy/c.py")


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("legacy/**", "legacy/a/b.py", True),
        ("legacy/**", "legacy", False),
        ("legacy/**", "src/legacy/a.py", False),
        ("legacy", "src/legacy/a.py", True),
        ("legacy/", "legacy/a.py", True),
        ("/legacy", "src/legacy/a.py", False),
        ("./src", "src/a.py", True),
        ("./src", "lib/src/a.py", False),
        ("./src/*.py", "src/a.py", True),
        ("**/old.py", "old.py", True),
        ("**/old.py", "a/b/old.py", True),
        ("a/**/b.py", "a/b.py", True),
        ("a/**/b.py", "a/x/y/b.py", True),
        ("a/**/b.py", "a/x/cb.py", False),
        ("src/*.py", "src/a/b.py", False),
        ("*.py", "src/a.py", True),
        ("*.py", "src/a.pyc", False),
        ("?.py", "a.py", True),
        ("?.py", "ab.py", False),
        ("[!a-c].py", "d.py", True),
        ("[!a-c].py", "b.py", False),
        ("[z-a].py", "[z-a].py", True),
        ("a+(b).py", "a+(b).py", True),
        (r"a\*.py", "a*.py", True),
        (r"a\*.py", "ab.py", False),
        ("", "a.py", False),
    ],
)
def test_globs_are_those_of_gitignore(glob: str, path: str, *, matches: bool) -> None:
    """A star stays within a folder, two cross folders, and a slash ties a glob to the root."""
    assert matcher([glob])(path) is matches


PATHS = st.from_regex(r"[a-zA-Z0-9 +().$^|{}é語-]{1,5}(/[a-zA-Z0-9 +().$^|{}é語-]{1,5}){0,3}", fullmatch=True)


@given(PATHS, PATHS)
def test_a_path_without_wildcards_matches_itself_and_what_is_below(one: str, other: str) -> None:
    """Everything but the wildcards stands for itself."""
    glob = f"/{one}"
    if one != one.strip():
        glob = re.sub(" ", "?", glob)
    assert (matcher([glob])(one), matcher([glob])(f"{one}/{other}")) == (True, True)


@given(st.text("ab*?[]!\\/.-^&|~", max_size=8), PATHS)
def test_any_text_is_a_glob(glob: str, path: str) -> None:
    """A user's glob never breaks a run, and a test of it is a yes or a no."""
    assert matcher([glob])(path) in {True, False}


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    """What is outside the repository is none of its sources, by whatever name."""
    write(tmp_path, "outside/secret.env", "root/a.py")
    (tmp_path / "root" / "link.env").symlink_to("../outside/secret.env")
    (tmp_path / "root" / "folder").symlink_to("../outside")
    root = tmp_path / "root"
    assert files(root, also=["link.env", "folder/secret.env"]) == ("a.py",)
    assert [read_text(root, path) for path in ("link.env", "folder/secret.env", "../outside/secret.env")] == [None] * 3


@needs_git
def test_a_tracked_folder_that_became_a_link_out_is_not_followed(repository: Path) -> None:
    """Git lists what a folder held, also when a link has taken its place."""
    write(repository, "outside/a.py", "root/sub/a.py", "root/b.py")
    git(repository, "add", "root")
    shutil.rmtree(repository / "root" / "sub")
    (repository / "root" / "sub").symlink_to("../outside")
    assert files(repository / "root") == ("b.py",)


def test_a_link_to_a_listed_file_is_not_read_twice(tmp_path: Path) -> None:
    """One place, one finding: a second name of a file is no second file."""
    write(tmp_path, "Dockerfile")
    (tmp_path / "Dockerfile.dev").symlink_to("Dockerfile")
    assert files(tmp_path) == ("Dockerfile",)


def test_a_link_to_a_file_that_is_left_out_is_read(tmp_path: Path) -> None:
    """A name outside the documentation makes a file a source, wherever it is kept."""
    write(tmp_path, "docs/Modelfile.txt", "a.py")
    (tmp_path / "docs" / "Modelfile").symlink_to("Modelfile.txt")
    write(tmp_path, "templates/env.txt")
    (tmp_path / ".env.example").symlink_to("templates/env.txt")
    assert files(tmp_path) == (".env.example", "a.py")


@needs_git
def test_a_link_to_an_ignored_file_is_not_read(repository: Path) -> None:
    """An ignored file is not read by a second name either."""
    write(repository, ".env")
    write(repository, ".gitignore", text=".env\n")
    (repository / "config.env").symlink_to(".env")
    assert files(repository) == (".gitignore",)


def test_a_broken_link_and_a_pipe_are_not_files(tmp_path: Path) -> None:
    """Nothing waits for a pipe that nobody writes to."""
    write(tmp_path, "a.py")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    assert files(tmp_path) == ("a.py",)
    assert [read_text(tmp_path, name) for name in ("gone", "circle", "pipe", "missing")] == [None] * 4


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """Data is no source; two megabytes are the bound."""
    (tmp_path / "fits.py").write_bytes(b"#" * MOST_BYTES)
    (tmp_path / "large.py").write_bytes(b"#" * (MOST_BYTES + 1))
    assert listing(tmp_path) == Listing(("fits.py",), oversized=("large.py",))
    assert read_text(tmp_path, "large.py") is None


def test_a_link_to_a_large_file_is_no_second_one(tmp_path: Path) -> None:
    """What is told of a file is told once, under its own name."""
    (tmp_path / "large.py").write_bytes(b"#" * (MOST_BYTES + 1))
    (tmp_path / "link.py").symlink_to("large.py")
    assert listing(tmp_path) == Listing((), oversized=("large.py",))


@needs_git
def test_a_folder_below_a_linked_one_is_told_by_where_it_really_is(repository: Path) -> None:
    """A link in the path of a tracked file counts wherever it stands, and one that stays inside does no harm."""
    root = repository / "root"
    write(repository, "root/a/b/c/one.py", "root/d/b/c/two.py", "root/e/b/c/two.py", "outside/b/c/one.py")
    git(repository, "add", "root")
    for folder, target in (("a", "../outside"), ("d", "e")):
        shutil.rmtree(root / folder)
        (root / folder).symlink_to(target)
    assert files(root) == ("d/b/c/two.py", "e/b/c/two.py")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"FROM x\r\n", "FROM x\r\n"),
        (b"\xef\xbb\xbfFROM x\n", "FROM x\n"),
        ("FROM 要約\n".encode("utf-16"), "FROM 要約\n"),
        (b"\xfe\xff" + "FROM x\n".encode("utf-16-be"), "FROM x\n"),
        (b"# caf\xe9\nFROM x\n", "# caf\ufffd\nFROM x\n"),
        (b"", ""),
    ],
)
def test_text_is_decoded_and_its_line_ends_stay(tmp_path: Path, data: bytes, text: str) -> None:
    """A mark of the encoding is no text, and a wrong byte spoils one character."""
    (tmp_path / "Modelfile").write_bytes(data)
    assert read_text(tmp_path, "Modelfile") == SourceFile("Modelfile", text)


def test_a_path_is_told_in_one_form(tmp_path: Path) -> None:
    """However Compose writes a path, findings name the file as the listing does."""
    write(tmp_path, "app/Dockerfile", text="FROM x\n")
    assert read_text(tmp_path, "./app/../app/Dockerfile") == SourceFile("app/Dockerfile", "FROM x\n")


def test_a_binary_file_is_not_text(tmp_path: Path) -> None:
    """A zero byte tells data from text."""
    (tmp_path / "model.bin").write_bytes(b"GGUF\0\0\0")
    assert read_text(tmp_path, "model.bin") is None


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that cannot be read is never passed over in silence."""
    write(tmp_path, "a.py")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    message = r"^a\.py: cannot be read: Permission denied, should be readable"
    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", refuse)
        with pytest.raises(SourceError, match=message):
            read_text(tmp_path, "a.py")
