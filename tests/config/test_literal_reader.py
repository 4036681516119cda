"""Every other language and format: a default is found at its exact place, and a comment never counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.literals import reader as literals
from pytest_newscreator.sources.sites import Read, SourceFile

MODEL = "gemma3:4b"


def read(path: str, text: str) -> Read:
    """Read one file."""
    return literals.read(SourceFile(path, text))


def told(path: str, text: str, *, literal: bool = False) -> list[str]:
    """Return the sites of a file, a line each; bare literals only where asked for."""
    found = []
    for site in read(path, text).sites:
        if literal or site.kind != "literal" or site.setting:
            model = f" of {site.model}" if site.model else ""
            found.append(f"{site.place.line}:{site.place.column} {site.kind} {site.setting or '-'}={site.value}{model}")
    return found


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.ts", 'f(process.env.X ?? "d")', ["1:21 X=d"]),
        ("a.ts", 'f(process.env.X || "d")', ["1:21 X=d"]),
        ("a.ts", 'f(process.env["X"] ?? "d")', ["1:24 X=d"]),
        ("a.ts", "f(process.env?.X ?? `d`)", ["1:22 X=d"]),
        ("a.ts", 'f(import.meta.env.VITE_X ?? "d")', ["1:30 VITE_X=d"]),
        ("a.mjs", 'f(Deno.env.get("X") ?? "d")', ["1:25 X=d"]),
        ("a.ts", 'f(Bun.env.X ?? "d")', ["1:17 X=d"]),
        ("a.ts", 'parseInt(process.env.X ?? "8192", 10)', ["1:28 X=8192"]),
        ("a.ts", "Number(process.env.X) || 8192", ["1:26 X=8192"]),
        ("a.ts", 'const { X = "d", Y: y = "e" } = process.env', ["1:14 X=d", "1:26 Y=e"]),
        ("a.ts", 'f({ X: z.string().default("d"), Y: z.string() }, process.env)', ["1:28 X=d"]),
        ("a.ts", 'cleanEnv(process.env, { X: str({default: "d"}) })', ["1:43 X=d"]),
        ("a.ts", 'f(process.env.X ? process.env.X : "d")', ["1:36 X=d"]),
        ("a.ts", 'f(process.env.X !== undefined ? process.env.X : "d")', ["1:50 X=d"]),
        ("a.ts", 'let m = process.env.X\nif (!m) { m = "d" }', ["2:16 X=d"]),
        ("a.ts", 'const m = process.env.X\nf(m ?? "d")', ["2:9 X=d"]),
        ("a.ts", 'f(process.env.A || process.env.B || "d")', ["1:38 A=d", "1:38 B=d"]),
        ("a.js", 'process.env.X ??= "d"', ["1:20 X=d"]),
        ("a.tsx", "<p>Don't {process.env.X ?? 'd'}</p>", ["1:29 X=d"]),
        ("a.vue", '<p>don\'t</p><script>f(process.env.X ?? "d")</script>', ["1:41 X=d"]),
        ("a.go", 'a := getEnv("X", "d")', ["1:19 X=d"]),
        ("a.go", 'a := envOr("X", "d")', ["1:18 X=d"]),
        ("a.go", 'a := GetEnvInt("X", 8192)', ["1:21 X=8192"]),
        ("a.go", 'a := cmp.Or(os.Getenv("X"), "d")', ["1:30 X=d"]),
        ("a.go", 'v := os.Getenv("X")\nif v == "" {\n\tv = "d"\n}', ["3:7 X=d"]),
        ("a.go", 'if v := os.Getenv("X"); v != "" {\n\treturn v\n}\nreturn "d"', ["4:9 X=d"]),
        ("a.go", 'if v, ok := os.LookupEnv("X"); ok {\n\treturn v\n}\nreturn "d"', ["4:9 X=d"]),
        ("a.go", 'type C struct { A string `env:"X" envDefault:"d"` }', ["1:47 X=d"]),
        ("a.go", 'type C struct { A string `env:"X,default=d"` }', ["1:42 X=d"]),
        ("a.go", 'type C struct { A string `envconfig:"X" default:"d"` }', ["1:50 X=d"]),
        ("a.go", 'viper.SetDefault("X", "d")', ["1:24 X=d"]),
        ("a.go", 'f(cli.StringFlag{Name: "m", Value: "d", EnvVars: []string{"X"}})', ["1:37 X=d"]),
        ("a.rs", 'let a = env::var("X").unwrap_or_else(|_| "d".into());', ["1:43 X=d"]),
        ("a.rs", 'let a = std::env::var("X").unwrap_or("d".to_string());', ["1:39 X=d"]),
        ("a.rs", 'env::var("X").ok().and_then(|v| v.parse::<u32>().ok()).unwrap_or(8_192)', ["1:66 X=8192"]),
        ("a.rs", 'env::var("X").unwrap_or_else(|_| String::from("d"))', ["1:48 X=d"]),
        ("a.rs", 'option_env!("X").unwrap_or("d")', ["1:29 X=d"]),
        ("a.rs", '#[arg(long, env = "X", default_value = "d")]', ["1:41 X=d"]),
        ("a.rs", 'Arg::new("m").env("X").default_value("d")', ["1:39 X=d"]),
        ("a.rs", 'match env::var("X") { Ok(v) => v, Err(_) => "d".to_string() }', ["1:46 X=d"]),
        ("A.java", 'System.getenv().getOrDefault("X", "d")', ["1:36 X=d"]),
        ("A.java", 'Optional.ofNullable(System.getenv("X")).orElse("d")', ["1:49 X=d"]),
        ("A.java", '@Value("${X:d}") String a;', ["1:13 X=d"]),
        ("A.kt", 'val a = System.getenv("X") ?: "d"', ["1:32 X=d"]),
        ("A.kt", '@Value("\\${X:d}") val a: String', ["1:14 X=d"]),
        ("A.scala", 'sys.env.getOrElse("X", "d")', ["1:25 X=d"]),
        ("A.scala", 'sys.env.get("X").getOrElse("d")', ["1:29 X=d"]),
        ("A.cs", 'Environment.GetEnvironmentVariable("X") ?? "d"', ["1:45 X=d"]),
        ("a.rb", 'ENV.fetch("X", "d")', ["1:17 X=d"]),
        ("a.rb", 'ENV.fetch("X") { "d" }', ["1:19 X=d"]),
        ("a.rb", '(ENV["X"] || "8192").to_i', ["1:15 X=8192"]),
        ("a.php", '<?php getenv("X") ?: "d";', ["1:23 X=d"]),
        ("a.php", '<?php $_ENV["X"] ?? "d";', ["1:22 X=d"]),
        ("a.php", "<?php env('X', 'd');", ["1:17 X=d"]),
        ("a.ex", 'System.get_env("X", "d")', ["1:22 X=d"]),
        ("a.exs", 'System.get_env("X") || "d"', ["1:25 X=d"]),
        ("a.ps1", 'if (-not $env:X) { $env:X = "d" }', ["1:30 X=d"]),
        ("a.ps1", '$m = if ($env:X) { $env:X } else { "d" }', ["1:37 X=d"]),
        ("a.pl", 'my $a = $ENV{X} // "d";', ["1:21 X=d"]),
        ("a.lua", 'local a = os.getenv("X") or "d"', ["1:30 X=d"]),
        ("a.dart", "Platform.environment['X'] ?? 'd'", ["1:31 X=d"]),
        ("a.swift", 'ProcessInfo.processInfo.environment["X"] ?? "d"', ["1:46 X=d"]),
        ("a.cc", 'auto a = getenv("X") ? getenv("X") : "d";', ["1:39 X=d"]),
        ("a.clj", '(or (System/getenv "X") "d")', ["1:26 X=d"]),
        ("a.jl", 'get(ENV, "X", "d")', ["1:16 X=d"]),
        ("a.bzl", 'environ.get("X", "d")', ["1:19 X=d"]),
    ],
)
def test_a_default_of_an_environment_read_is_found_at_its_place(path: str, text: str, expected: list[str]) -> None:
    """Each language's way to say what is taken where a variable is not set."""
    assert [line.replace(" code-default", "") for line in told(path, text)] == expected
    assert {line.split(" ")[1].partition("=")[0] for line in expected} <= read(path, text).reads


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.ts", 'const DEFAULT = "gemma3:4b"\nf(process.env.X ?? DEFAULT)'),
        ("a.go", 'const D    = "gemma3:4b"\nvar a = getEnv("X", D)'),
        ("a.rs", 'const D: &str = "gemma3:4b";\nenv::var("X").unwrap_or(D.into())'),
        ("a.rb", '  DEFAULT    = "gemma3:4b".freeze\nENV.fetch("X", DEFAULT)'),
    ],
)
def test_a_constant_as_default_is_its_literal(path: str, text: str) -> None:
    """The place to mend is the definition of the constant."""
    column = text.index(MODEL) + 1
    assert told(path, text) == [f"1:{column} code-default X=gemma3:4b"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.ts", 'f(process.env.X || "a" + b)'),
        ("a.ts", "f(process.env.X ?? DEFAULT_MODEL)"),
        ("a.go", 'a := getEnv("X", defaults.Model)'),
    ],
)
def test_a_default_that_only_running_can_tell_has_no_value(path: str, text: str) -> None:
    """It is there, and what it is stays open."""
    assert [(site.setting, site.value) for site in read(path, text).sites if site.kind == "code-default"] == [
        ("X", None)
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.ts", '// "gemma3:4b" model\n/* "gemma3:4b" */ const r = /["gemma3:4b"]/'),
        ("a.ts", 'f("gemma3:4b-it-qat")'),
        ("a.ts", "f(`gemma3:${size}`)"),
        ("a.ts", 'if (import.meta.vitest) { f("gemma3:4b") }'),
        ("a.go", '/* "gemma3:4b" */ // `gemma3:4b` model'),
        ("a.rs", '/// "gemma3:4b" model\n#[cfg(test)]\nmod tests { fn a() { f("gemma3:4b") } }'),
        ("a.rb", '# "gemma3:4b" model\nf("gemma3:#{size}")\n=begin\n"gemma3:4b"\n=end\n'),
        ("a.ex", '@doc """\n "gemma3:4b" model\n"""'),
        ("a.lua", '--[[ "gemma3:4b" model ]] -- "gemma3:4b"'),
        ("a.sql", "-- 'gemma3:4b' model"),
        ("a.cs", 'f($"gemma3:{size}b"); // "gemma3:4b"'),
        ("a.kt", 'f("gemma3:$size")'),
        ("a.php", '<!-- "gemma3:4b" --><?php # "gemma3:4b" model\n'),
        ("a.ps1", '<# "gemma3:4b" model #> # "gemma3:4b"'),
        ("a.tf", '# model = "gemma3:4b"\n// model = "gemma3:4b"'),
        ("a.toml", '# model = "gemma3:4b"'),
        ("a.ini", "; model = gemma3:4b\n# model = gemma3:4b"),
        ("a.yaml", "# model: gemma3:4b\nk: v # gemma3:4b"),
        ("Makefile", "# ollama pull gemma3:4b\n\t# ollama pull gemma3:4b\nX = a # gemma3:4b\n"),
        ("a.hs", '-- "gemma3:4b" model\n'),
        ("compose.yaml", "services:\n  a:\n    environment: {LLM_MODEL: gemma3:4b}\n"),
        ("other.yaml", "x-m: gemma3:4b\nservices:\n  a:\n    image: x\n    environment: {LLM_MODEL: gemma3:4b}\n"),
        ("a.bin", '"gemma3:4b"'),
        ("a.js", f'f("gemma3:4b");{"x=1;" * 2000}'),
    ],
)
def test_what_is_no_literal_is_silent(path: str, text: str) -> None:
    """Comments, test code, texts with holes, longer names, Compose files and what a machine wrote."""
    assert MODEL not in {site.value for site in read(path, text).sites}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a.ts",
            'ollama.chat({model: "gemma3:4b", options: {num_ctx: 8192}})',
            ["1:22 json-body model=gemma3:4b of gemma3:4b", "1:53 json-body num_ctx=8192 of gemma3:4b"],
        ),
        (
            "a.ts",
            'new ChatOllama({ model: "g", numCtx: 8192 })',
            ["1:26 json-body model=g of g", "1:38 json-body num_ctx=8192 of g"],
        ),
        ("a.go", 'b := `{"model": "g", "options": {"num_ctx": 1}}`', None),
        ("a.go", 'b := "{\\"model\\": \\"g\\"}"', ["1:21 json-body model=g of g"]),
        ("a.ts", 'const ui = {temperature: 0.2, model: "x"}', []),
        ("a.ts", 'const ollama = a ? model : "x"', []),
    ],
)
def test_request_options_count_near_a_request(path: str, text: str, expected: list[str] | None) -> None:
    """`temperature` in a file without any request is somebody else's."""
    if expected is None:
        expected = ["1:18 json-body model=g of g", "1:45 json-body num_ctx=1 of g"]
    assert told(path, text) == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a.json",
            '{"LLM_MODEL": "gemma3:4b", "a": {"num_ctx": 8192}}',
            ["1:16 LLM_MODEL=gemma3:4b", "1:45 num_ctx=8192"],
        ),
        ("a.json5", "{LLM_MODEL: 'd', // c\n}", ["1:14 LLM_MODEL=d"]),
        ("a.toml", '[a]\nb.LLM_MODEL = "d"\n', ["2:16 LLM_MODEL=d"]),
        ("a.ini", '[a]\nLLM_MODEL = "d" ; c\n', ["2:14 LLM_MODEL=d"]),
        ("a.properties", "a.model=d\n", ["1:9 model=d"]),
        ("a.service", 'Environment="LLM_A=a b" LLM_B=c\n', ["1:20 LLM_A=a b", "1:31 LLM_B=c"]),
        ("a.service", "Environment=LLM_A=u:1 'LLM_B=c' D=x,y\n", ["1:19 LLM_A=u:1", "1:30 LLM_B=c", "1:35 D=x,y"]),
        (
            "a.service",
            'Environment=A=b \\\n# c\n  "LLM_M=d e"\nRestart=no\n',
            ["1:15 A=b", "3:10 LLM_M=d e", "4:9 Restart=no"],
        ),
        ("a.conf", "environment=LLM_A=\"b\",C=3,D='e'\n", ["1:20 LLM_A=b", "1:25 C=3", "1:30 D=e"]),
        ("a.conf", "x=a \\\n  LLM_M=d\n", ["2:9 LLM_M=d"]),
        ("a.properties", "llm.models=a,\\\n  b\nmodel=d\\\\\ny=e\n", ["1:12 models=a,b", "3:7 model=d\\\\", "4:3 y=e"]),
        ("a.ini", "path=C:\\d\\\nllm_model=e\n", ["1:6 path=C:\\d\\", "2:11 llm_model=e"]),
        ("nginx.conf", "set $model d;\n", ["1:12 model=d"]),
        ("a.tf", 'variable "llm" {\n  default = "d"\n}\n', ["2:14 llm=d"]),
        ("a.tf", 'env {\n  name = "LLM_X"\n  value = "d"\n}\n', ["2:11 name=LLM_X", "3:12 LLM_X=d"]),
        ("a.nix", '{ a.LLM_X = "d"; }', ["1:14 LLM_X=d"]),
        ("k.yaml", "env:\n- name: LLM_X\n  value: 'd'\n", ["2:9 name=LLM_X", "3:11 LLM_X=d"]),
        ("ci.yml", "env:\n  LLM_X: 8192\n", ["2:10 LLM_X=8192"]),
        ("t.yaml", '{{- if .a }}\nLLM_X: {{ .b | default "d" }}\n{{- end }}\n', ["2:25 LLM_X=d"]),
    ],
)
def test_data_says_which_key_has_which_value(path: str, text: str, expected: list[str]) -> None:
    """The setting is the last part of the key, or the name that stands beside a value."""
    assert [line.replace(" literal", "") for line in told(path, text)] == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("application.yml", "a:\n  b: ${LLM_X:d}\n", "2:14"),
        ("application.yml", 'b: "http://${LLM_X:-d}/"\n', "1:21"),
        ("a.properties", "b=${LLM_X:d}\n", "1:11"),
        ("a.properties", "b=x\\\n  ${LLM_X:d}\n", "2:11"),
        ("a.toml", 'b = "${LLM_X:-d}"\n', "1:15"),
    ],
)
def test_a_placeholder_is_a_default_and_nothing_else(path: str, text: str, expected: str) -> None:
    """The whole text is no literal beside it."""
    assert told(path, text, literal=True) == [f"{expected} code-default LLM_X=d"]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("ci.yml", "a:\n  - run: |\n      # c\n      ollama pull gemma3:4b\n", "4:19"),
        ("ci.yml", "a:\n  - run: >-\n      ollama pull\n      gemma3:4b\n", "4:7"),
        ("ci.yml", 'a:\n  - run: "ollama pull \\"gemma3:4b\\""\n', "2:25"),
        (".gitlab-ci.yml", "a:\n  script:\n    - ollama pull gemma3:4b\n", "3:19"),
        ("k.yaml", 'command: ["sh", "-c", "ollama pull gemma3:4b"]\n', "1:36"),
        ("k.yaml", 'command: ["ollama", "pull", "gemma3:4b"]\n', "1:30"),
        ("Makefile", "a:\n\t@ollama pull gemma3:4b $(X)\n", "2:15"),
        ("Makefile", "a:\n\techo && \\\n\t  ollama pull gemma3:4b\n", "3:16"),
        ("justfile", "a:\n    ollama pull gemma3:4b {{b}}\n", "2:17"),
        ("Procfile", "a: ollama pull gemma3:4b\n", "1:16"),
        ("a.service", "ExecStart=-/bin/ollama pull gemma3:4b\n", "1:29"),
        ("a.service", "ExecStart=/bin/ollama \\\n; gemma3:1b\n  pull \\\n\tgemma3:4b\nRestart=no\n", "4:2"),
        ("a.service", "ExecStart=/bin/ollama \\\r\n  pull gemma3:4b\r\n", "2:8"),
        ("package.json", '{"scripts": {"a": "x \\"y\\" && ollama pull gemma3:4b"}}', "1:43"),
    ],
)
def test_commands_inside_other_files_are_read_as_a_shell_reads_them(path: str, text: str, expected: str) -> None:
    """Their words stand where they stand in the file around them."""
    assert f"{expected} ollama-argument -=gemma3:4b" in told(path, text)


def test_a_flag_behind_the_end_of_a_line_is_a_word_of_the_command() -> None:
    """A unit goes on behind a backslash; the comment between the lines does not count."""
    unit = "ExecStart=/bin/worker \\\n# --model gemma3:1b\n  --model gemma3:4b \\\n  --size=5\nUser=d\n"
    sites = {site.value: str(site.place) for site in read("a.service", unit).sites}
    assert sites["gemma3:4b"] == "a.service:3:11"
    assert sites["d"] == "a.service:5:6"
    assert "gemma3:1b" not in sites


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("X ?= d", "1:6 shell-assignment X=d"),
        ("X := d # c", "1:6 shell-assignment X=d"),
        ("export X=d", "1:10 shell-assignment X=d"),
        ("X = $(Y)", "1:5 shell-assignment X=None"),
        ("a: X=d", "1:6 shell-assignment X=d"),
    ],
)
def test_a_makefile_gives_its_variables_values(line: str, expected: str) -> None:
    """Also for one target only, and for what the environment does not set."""
    assert told("Makefile", f"{line}\n# OLLAMA\n") == [expected]


def test_the_code_cells_of_a_notebook_are_read() -> None:
    """A default in a cell stands at its place in the notebook; text cells are silent."""
    text = (
        '{"cells": [{"cell_type": "markdown", "source": ["\\"gemma3:4b\\""]},\n'
        ' {"cell_type": "code", "source": ["# \\"gemma3:4b\\"\\n", "os.getenv(\\"MODEL\\", \\"gemma3:4b\\")"]}]}'
    )
    assert told("a.ipynb", text, literal=True) == ["2:80 code-default MODEL=gemma3:4b"]


def test_a_file_that_is_no_yaml_is_a_problem_at_its_place() -> None:
    """Nothing that a file holds raises."""
    ((place, message),) = read("a.yaml", "env: [\nmodel: x: y\n").problems
    assert (place.line, place.column) == (2, 9)
    assert "no YAML" in message


@pytest.mark.parametrize(
    "path",
    ["a.py", "a.sh", "Dockerfile", "x/Dockerfile.dev", "Modelfile.a", "a.modelfile", ".env", ".env.example", "a.env"],
)
def test_what_another_reader_reads_is_left_to_it(path: str) -> None:
    """One file, one reader."""
    assert not literals.matches(path)


CODE = {
    "a.ts": ("const m = {};", "//", "/* {} */"),
    "a.go": ("m := {}", "//", "/* {} */"),
    "a.rs": ("let m = {};", "//", "/* {} */"),
    "A.java": ("String m = {};", "//", "/* {} */"),
    "A.cs": ("var m = {};", "//", "/* {} */"),
    "a.rb": ("m = {}", "#", "# {}"),
    "a.php": ("<?php $m = {};", "//", "/* {} */"),
    "a.lua": ("local m = {}", "--", "--[[ {} ]]"),
    "a.ex": ("m = {}", "#", "# {}"),
    "a.nix": ("x = [ {} ];", "#", "/* {} */"),
    "a.hs": ("m = {}", "--", "{{- {} -}}"),
}
noise = st.lists(
    st.sampled_from(["a b", "日本", "😀", '"x"', '"it\'s"', '"a\\"b"', "f(1)", "[]", "\t", "{}", '""', "1.5"]),
    max_size=6,
)
words = st.from_regex(r"[a-z][a-z0-9]{0,6}:[0-9]{1,2}b", fullmatch=True)


@given(path=st.sampled_from(sorted(CODE)), before=noise, behind=noise, word=words)
def test_a_planted_literal_is_found_and_a_comment_is_not(
    path: str, before: list[str], behind: list[str], word: str
) -> None:
    """Whatever stands around it: the place is that of its first character."""
    line, comment, block = CODE[path]
    planted = line.replace("{}", f'"{word}"')
    silent = [f'{comment} "no{word}"', block.replace("{}", f'"no{word}"').replace("{{", "{").replace("}}", "}")]
    lines = [*silent, *before, planted, *behind, *silent]
    found = [site for site in read(path, "\n".join(lines)).sites if site.value == word]
    assert [(site.place.line, site.place.column) for site in found] == [
        (len(silent) + len(before) + 1, planted.index(word) + 1)
    ]
    assert f"no{word}" not in {site.value for site in read(path, "\n".join(lines)).sites}


@given(
    path=st.sampled_from(
        [
            "a.ts",
            "a.rb",
            "a.php",
            "a.pl",
            "a.cs",
            "a.ex",
            "a.nix",
            "a.ps1",
            "a.toml",
            "a.yaml",
            "Makefile",
            "a.ini",
            "a.ipynb",
        ]
    ),
    text=st.text(alphabet="\"'`$#{}()[]<>/\\*-=:;,.?|&%@~ \n\tabqrEX1", max_size=60),
)
def test_no_text_breaks_the_reading(path: str, text: str) -> None:
    """What cannot be understood is a problem at most, and every place lies inside the file."""
    whole = f"{text}\nollama model"
    lines = whole.split("\n")
    for site in read(path, whole).sites:
        assert 1 <= site.place.line <= len(lines)
        assert 1 <= site.place.column <= len(lines[site.place.line - 1]) + 1


def test_a_large_file_that_a_program_wrote_still_tells_names_and_settings() -> None:
    """Of such a file only what can be a setting or a model with its tag counts."""
    text = "[\n" + '  {"id": 1, "text": "a b"},\n' * 9000 + '  {"LLM_MODEL": "d", "x": "gemma3:4b"}\n]'
    assert told("a.json", text, literal=True) == ["9002:18 literal LLM_MODEL=d", "9002:28 literal -=gemma3:4b"]


def test_an_opening_that_never_closes_hides_nothing_behind_it() -> None:
    """A quote without its other half is no string."""
    assert "2:4 literal -=gemma3:4b" in told("a.rb", "x <<EOF if model\nf('gemma3:4b')\n", literal=True)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("Makefile", "A_B := d\n", "1:8 shell-assignment A_B=d"),
        ("a.mk", "A_B ?= d\n", "1:8 shell-assignment A_B=d"),
        ("a.nix", '{ A_B = "d"; }', "1:10 literal A_B=d"),
        ("a.ts", 'f({ A_B: z.string().default("d") })', "1:30 code-default A_B=d"),
    ],
)
def test_a_setting_with_a_name_nobody_knows_is_still_found(path: str, text: str, expected: str) -> None:
    """What a file is dropped for before it is read never depends on a contract."""
    assert told(path, text) == [expected]
