"""What a script, a Dockerfile or a Compose file carries inside itself is read where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.compose import reader as compose
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.sources.sites import Reader, Site, SourceFile

values = st.from_regex(r"[a-z][a-z0-9.-]{0,8}(:[0-9]{1,2}b)?", fullmatch=True)
words = st.text(alphabet="日本 aé😀#", max_size=8)


def sites(text: str, path: str = "start.sh", reader: Reader = shell.READER) -> list[Site]:
    """Return the sites of a file, but for bare literals."""
    return [site for site in reader.read(SourceFile(path, text)).sites if site.kind != "literal"]


def modelfile(text: str, path: str = "start.sh", reader: Reader = shell.READER) -> list[str]:
    """Return what the Modelfiles inside a file say: place, what, where it goes, and what is made of it."""
    found = []
    for site in sites(text, path, reader):
        if site.kind.startswith("modelfile"):
            value = f"handed on by {site.setting}" if site.handed_on else site.value
            name = site.into or site.setting
            made = f" as {site.model}" if site.model else ""
            found.append(f"{site.place.line}:{site.place.column} {name} {value} > {site.scope}{made}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "cat > Modelfile <<EOF\nFROM gemma3:4b\nPARAMETER num_ctx 8192\nEOF\nollama create n -f ./Modelfile\n",
            ["2:6 FROM gemma3:4b > Modelfile as n", "3:19 num_ctx 8192 > Modelfile as n"],
        ),
        ("ollama create n -f - <<EOF\nFROM a\nSYSTEM x\nEOF\n", ["2:6 FROM a > - as n"]),
        ("ollama create n -f - <<< 'FROM a'\n", ["1:32 FROM a > - as n"]),
        ("mk() {\ncat > Modelfile <<EOF\nFROM ${1}\nEOF\n}\n", ["3:6 FROM handed on by None > Modelfile"]),
        ("cat <<EOF | ollama create n -f -\nFROM a\nEOF\n", ["2:6 FROM a > - as n"]),
        ("tee Modelfile <<EOF\nFROM a\nEOF\nollama create n -f Modelfile\n", ["2:6 FROM a > Modelfile as n"]),
        (
            "ollama create n -f <(printf 'FROM a\\nPARAMETER num_ctx 8192\\n')\n",
            ["1:35 FROM a > - as n", "1:56 num_ctx 8192 > - as n"],
        ),
        (
            "printf 'FROM %s\\nPARAMETER num_ctx %s\\n' a \"$N\" > Modelfile\n",
            ["1:42 FROM a > Modelfile", "1:45 num_ctx handed on by N > Modelfile"],
        ),
        ("echo 'FROM a' > x.modelfile\n", ["1:12 FROM a > x.modelfile"]),
        ("echo FROM a >> Modelfile\n", ["1:11 FROM a > Modelfile"]),
        (
            'echo -e "FROM a\\nPARAMETER top_k 4" | ollama create n -f -\n',
            ["1:15 FROM a > - as n", "1:34 top_k 4 > - as n"],
        ),
        (
            '{ echo "FROM a"; echo "PARAMETER num_ctx 8192"; } > /tmp/mf\nollama create n -f /tmp/mf\n',
            ["1:14 FROM a > /tmp/mf as n", "1:42 num_ctx 8192 > /tmp/mf as n"],
        ),
        (
            'F=$(mktemp)\ncat > "$F" <<EOF\nFROM a\nSYSTEM x\nEOF\nollama create n -f "${F}"\n',
            ["3:6 FROM a > $F as n"],
        ),
        ("F=/m/x\ncat > $F <<EOF\nFROM a\nEOF\nollama create n -f /m/x\n", ["3:6 FROM a > /m/x as n"]),
        (
            "cat > Modelfile <<EOF\nFROM a\nEOF\nollama create n -f Modelfile\nollama create m -f Modelfile\n",
            ["2:6 FROM a > Modelfile"],
        ),
        (
            'cat > Modelfile <<EOF\nTEMPLATE """\nFROM no\nPARAMETER num_ctx 1\n"""\n# FROM no\nFROM "a b"\nEOF\n',
            ["7:7 FROM a b > Modelfile"],
        ),
        ("cat > Modelfile <<EOF\nFROM $B\nEOF\n", ["2:6 FROM handed on by B > Modelfile"]),
        ("cat > Modelfile <<EOF\nFROM ${B:-a}\nEOF\n", ["2:11 FROM handed on by B > Modelfile"]),
        ("cat > Modelfile <<EOF\nFROM ${B:-${C:-a}}\nEOF\n", ["2:16 FROM handed on by B > Modelfile"]),
        ("cat > Modelfile <<EOF\nFROM gemma3:${T:-4b}\nEOF\n", ["2:6 FROM gemma3:4b > Modelfile"]),
        ("cat > Modelfile <<EOF\nFROM ${B:-gemma3}:4b\nEOF\n", ["2:11 FROM gemma3:4b > Modelfile"]),
        ("cat > Modelfile <<EOF\nFROM $(base)\nEOF\n", ["2:6 FROM None > Modelfile"]),
        ("cat > Modelfile <<'EOF'\nFROM ${B:-a}\nEOF\n", ["2:6 FROM ${B:-a} > Modelfile"]),
        (
            "cat > Modelfile <<EOF\nFROM a\nPARAMETER num_ctx ${N:-8192}\nEOF\n",
            ["2:6 FROM a > Modelfile", "3:24 num_ctx 8192 > Modelfile"],
        ),
        (
            "cat <<'EOF' > /tmp/x\nfrom a\nPARAMETER stop \"${NO:-x}\"\nEOF\n",
            ["2:6 FROM a > /tmp/x", "3:17 stop ${NO:-x} > /tmp/x"],
        ),
        ("cat <<EOF\nUsage:\n  PARAMETER num_ctx 8192\nEOF\n", []),
        ("echo 'FROM here on'\nprintf 'PARAMETER num_ctx 8192'\n", []),
        ("echo 'FROM x' > Dockerfile\n", []),
    ],
)
def test_a_modelfile_that_a_script_writes_is_read_by_the_grammar(text: str, expected: list[str]) -> None:
    """With where it goes, and the name of the model that is created of it."""
    assert modelfile(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "RUN cat <<EOF > /m/Modelfile && ollama create n -f /m/Modelfile\nFROM a\nEOF\n",
            ["3:6 FROM a > /m/Modelfile as n"],
        ),
        (
            "COPY <<EOF /Modelfile\nFROM ${B:-a}\nPARAMETER num_ctx $N\nEOF\n",
            ["3:11 FROM handed on by B > /Modelfile", "4:19 num_ctx handed on by N > /Modelfile"],
        ),
        ("COPY <<'Modelfile.x' /m/\nFROM $B\nModelfile.x\n", ["3:6 FROM $B > /m/Modelfile.x"]),
        ("COPY <<A <<B /Modelfile\nFROM a\nA\nFROM b\nB\n", ["3:6 FROM a > /Modelfile", "5:6 FROM b > /Modelfile"]),
        ("COPY <<EOF /x.txt\nFROM a\nEOF\n", []),
    ],
)
def test_a_modelfile_that_a_dockerfile_writes_is_read(text: str, expected: list[str]) -> None:
    """A quoted delimiter keeps what is copied from expanding."""
    assert modelfile(f"FROM x\n{text}", "Dockerfile", dockerfile.READER) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("content: |\n  FROM a\n  PARAMETER num_ctx 8192", ["4:12 FROM a > m", "5:25 num_ctx 8192 > m"]),
        ('content: "FROM a\\nPARAMETER num_ctx 8192"', ["3:20 FROM a > m", "3:41 num_ctx 8192 > m"]),
        (
            "content: |\n  FROM ${B:-a}\n  PARAMETER num_ctx ${N:-1}",
            ["4:17 FROM handed on by B > m", "5:30 num_ctx 1 > m"],
        ),
        ("content: |\n  FROM a:${T:-4b}\n  PARAMETER num_ctx 1", ["4:12 FROM a:4b > m", "5:25 num_ctx 1 > m"]),
        ("content: |\n  FROM $B\n  PARAMETER num_ctx 1", ["4:12 FROM handed on by B > m", "5:25 num_ctx 1 > m"]),
        ("content: 'this comes FROM a'", []),
    ],
)
def test_a_modelfile_in_a_config_is_read(text: str, expected: list[str]) -> None:
    """Its scope is the name of the config; Compose interpolates what stands in it."""
    body = "".join(f"    {line}\n" for line in text.splitlines())
    assert modelfile(f"configs:\n  m:\n{body}", "compose.yaml", compose.READER) == expected


def test_a_script_that_is_written_is_read_as_one() -> None:
    """By a here-document, by COPY, and as a config of Compose."""
    body = "#!/bin/sh\nollama pull gemma3:4b\n"
    indented = body.replace("\n", "\n      ").rstrip(" ")
    assert [(site.kind, site.place.line) for site in sites(f"cat > run.sh <<'E'\n{body}E\n")] == [
        ("ollama-argument", 3)
    ]
    copied = sites(f"FROM x\nCOPY <<'E' /run.sh\n{body}E\n", "Dockerfile", dockerfile.READER)
    assert [(site.value, site.place.line) for site in copied] == [("gemma3:4b", 4)]
    config = sites(f"configs:\n  s:\n    content: |\n      {indented}", "compose.yaml", compose.READER)
    assert [(site.value, site.place.line, site.scope) for site in config] == [("gemma3:4b", 5, "s")]


@pytest.mark.parametrize(
    "command",
    ["bash -s", "ssh host", "docker exec -i b sh", "cat <<E | bash"],
)
def test_a_here_document_that_a_shell_is_given_is_a_script(command: str) -> None:
    """Also one on another machine, or in a container."""
    text = command if "<<" in command else f"{command} <<E"
    assert [site.value for site in sites(f"{text}\nollama pull gemma\nE\n")] == ["gemma"]


def test_a_here_string_is_a_body_or_a_script_and_no_dotenv_file() -> None:
    """`read` is often given one."""
    assert [site.setting for site in sites('curl -d @- h <<< \'{"model": "a"}\'\n')] == ["model"]
    assert [site.value for site in sites("bash <<< 'ollama pull a'\n")] == ["a"]
    assert sites("read -r x <<< 'A=1'\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "python - <<'PY'\nimport os\nprint(os.getenv('X', 'gemma3:4b'))\nPY\n",
        'true\ntrue\npython3.11 -c \'import os; os.getenv("X", "gemma3:4b")\'\n',
    ],
)
def test_python_in_a_script_is_read_as_python(text: str) -> None:
    """Its defaults stand where the script has them."""
    (site,) = sites(text)
    assert (site.kind, site.setting, site.value, site.place.line) == ("python-default", "X", "gemma3:4b", 3)
    assert text.splitlines()[2][site.place.column - 1 :].startswith("gemma3:4b")


def test_what_the_shell_puts_into_python_is_unknown() -> None:
    """The rest of the program still counts."""
    text = "python - <<PY\nimport os\nos.getenv('X', 'a-$V')\nos.getenv('Y', 'b')\nPY\n"
    assert [(site.setting, site.value) for site in sites(text)] == [("Y", "b")]


def test_a_piece_of_python_is_no_problem() -> None:
    """It may be filled in by the shell."""
    assert shell.READER.read(SourceFile("a.sh", "python -c 'def ('\n")).problems == ()


def test_what_jq_is_given_for_a_body_is_a_member_of_it() -> None:
    """`--arg model NAME` is how scripts avoid quoting."""
    (site, number) = sites("jq -n --arg model gemma3:4b --argjson num_ctx 8192 '{model: $model}'\n")
    assert (site.setting, site.value, site.kind, site.place.column) == ("model", "gemma3:4b", "json-body", 19)
    assert (number.setting, number.value) == ("num_ctx", "8192")


def test_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    """A script from Windows says what it says elsewhere, at the same lines and columns."""
    text = "#!/bin/sh\nX=d\nollama pull a\ncat > Modelfile <<E\nFROM a\nPARAMETER num_ctx 1\nE\nY=${Z:-e}\n"
    assert sites(text.replace("\n", "\r\n")) == sites(text) != []
    assert sites("\ufeff" + text, "bin/start") == sites(text, "bin/start") != []
    assert sites("\ufeffX=d\n") == sites("X=d\n") != []


def _files(value: str, word: str, end: str) -> list[tuple[str, str, Reader]]:
    """Return files of every kind with a value in them, and other words before it."""
    service, config = "services:\n  s:\n    command:", "configs:\n  m:\n    content:"
    texts = [
        ("a.sh", f'# {word}\nA="{word}"\tX={value}\nollama pull\t"{value}"\ncat > Modelfile <<E\nFROM {value}\nE\n'),
        ("Dockerfile", f"FROM x\n# {word}\nENV A='{word}' X={value}\nRUN true '{word}' && \\\n\tollama pull {value}\n"),
        ("compose.yaml", f"services:\n  s:\n    environment: {{A: '{word}', X: \"{value}\"}}\n"),
        ("compose.yaml", f"{service} [a, '{word}', --m={value}, \"{value}\"]\n"),
        ("compose.yaml", f"{service} >\n      sh -c 'true \"{word}\";\n      ollama pull {value}'\n"),
        ("compose.yaml", f'{service} "a --m \\\n      {value}\n      --n {value}"\n'),
        ("compose.yaml", f"{config} |-\n\n      # {word}\n      FROM {value}\n      PARAMETER top_k 1\n"),
    ]
    readers = {"a.sh": shell.READER, "Dockerfile": dockerfile.READER, "compose.yaml": compose.READER}
    return [(path, text.replace("\n", end), readers[path]) for path, text in texts]


@given(value=values, word=words, end=st.sampled_from(["\n", "\r\n"]), mark=st.sampled_from(["", "\ufeff"]))
def test_a_plain_value_stands_at_its_place(value: str, word: str, end: str, mark: str) -> None:
    """In every kind of file, whatever its line ends, tabs, comments and byte order mark."""
    for path, text, reader in _files(value, word, end):
        found = [site for site in reader.read(SourceFile(path, mark + text)).sites if site.value == value]
        lines = text.split(end)
        assert found, text
        for site in found:
            assert lines[site.place.line - 1][site.place.column - 1 :].startswith(value), (text, site)
