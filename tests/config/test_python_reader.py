"""Python files are read as Python would run them with an empty environment: each default at its own place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.python import reader as python
from pytest_newscreator.sources.python.text import is_telling
from pytest_newscreator.sources.sites import Read, SourceFile

words = st.from_regex(r"[a-z0-9][a-z0-9:./_-]{0,12}", fullmatch=True)


def read(text: str) -> Read:
    """Read a Python file."""
    return python.READER.read(SourceFile("config.py", text))


def told(text: str, *kinds: str) -> list[str]:
    """Return the sites of some kinds (all but literals, if none is given), a line each."""
    return [
        f"{site.place.line}:{site.place.column} {site.kind} {site.setting or '-'}={site.value}"
        for site in read(text).sites
        if (site.kind in kinds if kinds else site.kind != "literal")
    ]


def defaults(text: str) -> list[str]:
    """Return the defaults of reads of the environment, without their kind."""
    return [line.replace(" python-default", "") for line in told(text, "python-default")]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\nos.getenv('X', 'gemma3:4b')", ["2:17 X=gemma3:4b"]),
        ("import os\nos.getenv('X', default=8192)", ["2:24 X=8192"]),
        ("import os\nos.environ.get('X', '')", ["2:22 X="]),
        ("import os\nos.environ.setdefault('X', 'd')", ["2:29 X=d"]),
        ("import os\nos.environ['X'] = 'd'", ["2:20 X=d"]),
        ("import os as o\no.getenv('X', 'd')", ["2:16 X=d"]),
        ("from os import getenv as g\ng('X', 'd')", ["2:9 X=d"]),
        ("from os import environ\nenviron.get('X', 'd')", ["2:19 X=d"]),
        ("import os\nenv = os.environ\nenv.get('X', 'd')", ["3:15 X=d"]),
        ("import os\nget = os.environ.get\nget('X', 'd')", ["3:11 X=d"]),
        ("import os\nos.getenv('X') or 'd'", ["2:20 X=d"]),
        ("import os\nos.environ.get('X', '') or 'd'", ["2:29 X=d"]),
        ("import os\nint(os.getenv('X') or 8192)", ["2:23 X=8192"]),
        ("import os\nos.getenv('X', 'kept') or 'd'", ["2:17 X=kept"]),
        ("import os\nos.getenv('A') or os.getenv('B') or 'd'", ["2:38 A=d", "2:38 B=d"]),
        ("import os\nos.getenv('A', os.getenv('B', 'd'))", ["2:32 A=d", "2:32 B=d"]),
        ("import os\nx = os.environ['X'] if 'X' in os.environ else 'd'", ["2:48 X=d"]),
        ("import os\nos.getenv('X', r'raw')", ["2:18 X=raw"]),
        ("import os\nos.getenv('X', str(8192))", ["2:20 X=8192"]),
        ("import os\nos.getenv('X', compute())", ["2:16 X=None"]),
        ("import os\nos.getenv(\n    'X',\n    # 既定\n    'd',\n)", ["5:6 X=d"]),
        ("import os\nif __name__ == '__main__':\n    os.getenv('X', 'd')", ["3:21 X=d"]),
        ("import os\nf = lambda: os.getenv('X', 'd')", ["2:29 X=d"]),
    ],
)
def test_the_default_of_a_read_of_the_environment_is_a_site(code: str, expected: list[str]) -> None:
    """Through every alias, with the default that holds when nothing is set."""
    assert defaults(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.getenv('X')",
        "import os\nos.getenv('X', None)",
        "import os\nos.environ['X']",
        "import os\n'X' in os.environ",
        "import os\nv = os.environ.pop('X')",
    ],
)
def test_a_read_without_a_default_is_a_read_alone(code: str) -> None:
    """The name counts as read, nothing gives it a value."""
    found = read(code)
    assert (found.sites, found.reads) == ((), frozenset({"X"}))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("M = 'gemma3:4b'\nos.getenv('X', M)", ["2:6 X=gemma3:4b"]),
        ("M: Final = 16\nos.getenv('X', M)", ["2:12 X=16"]),
        ("N = 'X'\nos.getenv(N, 'd')", ["3:15 X=d"]),
        ("B = 'gemma3'\nos.getenv('X', f'{B}:4b')", ["3:18 X=gemma3:4b"]),
        ("B = 'gemma3'\nos.getenv('X', B + ':4b')", ["3:16 X=gemma3:4b"]),
        ("os.getenv('X', 16 * 1024)", ["2:16 X=16384"]),
        ("os.getenv('X', -1)", ["2:16 X=-1"]),
        ("os.getenv('X', 0.15)", ["2:16 X=0.15"]),
        ("os.getenv('X', True)", ["2:16 X=true"]),
        ("class D:\n    M = 'd'\nos.getenv('X', D.M)", ["3:10 X=d"]),
        ("class D:\n    M = 'd'\n    def f(self):\n        return os.getenv('X', self.M)", ["3:10 X=d"]),
        ("M = 'a'\nM = 'b'\nos.getenv('X', M)", ["4:16 X=None"]),
        ("if y:\n    M = 'a'\nos.getenv('X', M)", ["4:16 X=None"]),
        ("os.getenv('X', 1 / 0)", ["2:16 X=None"]),
        ("os.getenv('X', f'{y}:4b')", ["2:18 X=None"]),
    ],
)
def test_constants_are_followed_to_where_they_are_written(code: str, expected: list[str]) -> None:
    """A name with one value is that value; what is computed is where it is computed."""
    assert defaults(f"import os\n{code}") == expected


HELPERS = '''import os

class Config:
    def __init__(self):
        self.ctx = self._int("LLM_NUM_CTX", 8192)
        self.batch = Config._plain("LLM_NUM_BATCH", default="1024")
        self.top = _flag("LLM_FLAG")
        self.app = _app("MODEL", "gemma3:4b")
        self.fixed = fixed("FIXED")
        self.keyword = _flag(default=False, name="KEYWORD")

    def _int(self, name: str, default: int) -> int:
        """Read a number."""
        return int(os.getenv(name, str(default)))

    @staticmethod
    def _plain(name, default):
        value = os.environ.get(name)
        return value if value else default


def _flag(name, default=True):
    if name not in os.environ:
        return default
    return os.environ[name] == "1"


def _app(key, fallback=None):
    return os.getenv(f"APP_{key.upper()}") or fallback


def fixed(name):
    return os.getenv(name, "always")


short = lambda key, d=None: os.getenv("S_" + key, d)
short("X", "sx")
'''


def test_helper_functions_make_their_calls_sites() -> None:
    """Methods, static ones, prefixes, lambdas, and defaults that only the helper knows."""
    assert sorted(defaults(HELPERS)) == sorted(
        [
            "5:45 LLM_NUM_CTX=8192",
            "6:62 LLM_NUM_BATCH=1024",
            "22:25 LLM_FLAG=true",
            "8:35 APP_MODEL=gemma3:4b",
            "33:29 FIXED=always",
            "10:38 KEYWORD=false",
            "37:13 S_X=sx",
        ]
    )


def test_what_helpers_read_is_read() -> None:
    """The parameter's own name is not."""
    assert read(HELPERS).reads == frozenset(
        {"LLM_NUM_CTX", "LLM_NUM_BATCH", "LLM_FLAG", "APP_MODEL", "FIXED", "KEYWORD", "S_X"}
    )


def test_a_helper_over_a_helper_is_one_too() -> None:
    """However the file orders them."""
    code = "import os\ndef outer(k, d): return inner(k, d)\ndef inner(n, d): return os.getenv(n, d)\nouter('X', 'dd')"
    assert defaults(code) == ["4:13 X=dd"]


def test_a_function_that_only_takes_the_default_is_no_helper() -> None:
    """The name it reads is fixed."""
    assert defaults("import os\ndef f(d): return os.getenv('X', d)\nf('y')") == ["2:33 X=None"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from environs import Env\nenv = Env()\nenv.str('X', 'd')", ["3:15 X=d"]),
        ("from environs import Env\nenv = Env()\nenv.int('X', default=5)", ["3:22 X=5"]),
        ("from environs import env\nenv('X', 'd')", ["2:11 X=d"]),
        ("import environ\nenv = environ.Env()\nenv('X', default='d')", ["3:19 X=d"]),
        ("from decouple import config as c\nc('X', default='d', cast=str)", ["2:17 X=d"]),
        ("from starlette.config import Config\nc = Config('.env')\nc('X', cast=int, default=5)", ["3:26 X=5"]),
        ("from environs import Env\nenv = Env()\nenv.read_env('.env')", []),
        ("config('X', default='d')  # environ", []),
    ],
)
def test_the_libraries_for_it_are_known(code: str, expected: list[str]) -> None:
    """By their import, not by what the variable is called."""
    assert defaults(code) == expected


SETTINGS = """from typing import Annotated, ClassVar
from pydantic import AliasChoices, BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

class Base(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="llm_", frozen=True)
    LIMIT: ClassVar[int] = 3
    _private: int = 4

class Settings(Base):
    model: str = "gemma3:4b"
    num_ctx: int = Field(default=16_384, ge=1)
    temperature: float = Field(0.15)
    keep_alive: Annotated[str, Field(alias="keep")] = "24h"
    host: str = Field("h:1", validation_alias=AliasChoices("OLLAMA_HOST", "ollama_url"))
    names: list[str] = Field(default_factory=list)
    required: str = Field(...)
    also: str

class Request(BaseModel):
    num_ctx: int = 8192
"""


def test_the_fields_of_pydantic_settings_are_sites() -> None:
    """With prefix and aliases, each name by which the environment can set them."""
    assert told(SETTINGS, "python-field") == [
        "11:19 python-field LLM_MODEL=gemma3:4b",
        "12:34 python-field LLM_NUM_CTX=16384",
        "13:32 python-field LLM_TEMPERATURE=0.15",
        "14:56 python-field KEEP=24h",
        "15:24 python-field OLLAMA_HOST=h:1",
        "15:24 python-field OLLAMA_URL=h:1",
        "16:46 python-field LLM_NAMES=None",
        "21:20 python-field NUM_CTX=8192",
    ]


def test_the_fields_of_pydantic_settings_are_read() -> None:
    """Required ones too, those of a plain model not."""
    assert read(SETTINGS).reads == frozenset(
        [
            "LLM_MODEL",
            "LLM_NUM_CTX",
            "LLM_TEMPERATURE",
            "KEEP",
            "OLLAMA_HOST",
            "OLLAMA_URL",
            "LLM_NAMES",
            "LLM_REQUIRED",
            "LLM_ALSO",
        ]
    )


def test_an_older_pydantic_class_config_gives_the_prefix() -> None:
    """And `env` names a field's variables."""
    code = (
        "from pydantic import BaseSettings, Field\nclass S(BaseSettings):\n    a: int = 1\n"
        "    b: int = Field(2, env=['BB', 'CC'])\n    class Config:\n        env_prefix = 'P_'\n"
    )
    assert told(code, "python-field") == ["3:14 python-field P_A=1", "4:20 python-field BB=2", "4:20 python-field CC=2"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("@dataclass(frozen=True)\nclass C:\n    num_ctx: int = 8192", ["3:20 python-field NUM_CTX=8192"]),
        ("@dataclass\nclass C:\n    model: str = field(default='d')", ["3:33 python-field MODEL=d"]),
        ("@dataclass\nclass C:\n    model: str = field(default_factory=lambda: 'd')", ["3:49 python-field MODEL=d"]),
        ("class C:\n    model: str = 'd'", []),
        ("def f(model: str = 'gemma3:4b', *, num_ctx=8192): ...",
         ["1:21 python-field MODEL=gemma3:4b", "1:44 python-field NUM_CTX=8192"]),
        ("async def f(a, model='d', n=None): ...", ["1:23 python-field MODEL=d"]),
        ("p.add_argument('-n', '--num-ctx', type=int, default=8192)", ["1:53 python-field NUM_CTX=8192"]),
        ("p.add_argument('--x', dest='num_ctx', default=1)", ["1:47 python-field NUM_CTX=1"]),
        ("p.add_argument('model', nargs='?', default='d')", ["1:45 python-field MODEL=d"]),
        ("@click.option('--model', '-m', default='d', envvar='LLM_MODEL')\ndef f(model): ...",
         ["1:41 python-field MODEL=d", "1:41 python-field LLM_MODEL=d"]),
        ("def f(model: str = typer.Option('d', '--model', envvar='LLM_MODEL')): ...",
         ["1:34 python-field MODEL=d", "1:34 python-field LLM_MODEL=d"]),
        ("def f(model: Annotated[str, typer.Option(envvar='LLM_MODEL')] = 'd'): ...",
         ["1:66 python-field MODEL=d", "1:66 python-field LLM_MODEL=d"]),
        ("def f(model=typer.Option(...)): ...", []),
    ],
)  # fmt: skip
def test_other_declared_defaults_are_fields(code: str, expected: list[str]) -> None:
    """Dataclasses, parameters and command line options, under their name in capitals."""
    assert told(code) == expected


def test_a_field_that_reads_the_environment_is_told_once() -> None:
    """The read is what gives it a value."""
    code = "import os\n@dataclass\nclass C:\n    m: str = field(default_factory=lambda: os.getenv('M', 'd'))"
    assert told(code) == ["4:60 python-default M=d"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('o = {"num_ctx": 8192, "x": {"num_batch": 512}, "y": f()}',
         ["1:17 json-body num_ctx=8192", "1:42 json-body num_batch=512"]),
        ("N = 8192\no = {'num_ctx': N}", ["1:5 json-body num_ctx=8192"]),
        ("o['num_ctx'] = 8192", ["1:16 json-body num_ctx=8192"]),
        ("client.chat(model='gemma3:4b', options=Options(num_ctx=8192, **more))",
         ["1:20 json-body model=gemma3:4b", "1:56 json-body num_ctx=8192"]),
        ("f(other='gemma3:4b')", []),
    ],
)  # fmt: skip
def test_request_options_are_bodies(code: str, expected: list[str]) -> None:
    """In a dict, set one by one, or by keyword where the name says it."""
    assert told(code) == expected


def literals(text: str) -> list[str]:
    """Return the literals of a file."""
    return [line.removeprefix("literal ") for line in told(text, "literal")]


@pytest.mark.parametrize("head", ["", "os.environ\n"])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 'gemma3:4b'", ["1:6 literal -=gemma3:4b"]),
        ("f(\"a\", 'two words', r'raw')", ["1:4 literal -=a", "1:23 literal -=raw"]),
        ("y = '日本'; x = 'gemma3:4b'  # 'no' コメント", ["1:6 literal -=日本", "1:16 literal -=gemma3:4b"]),
        ("def f():\n    '''Docstring.'''\n    return b'bytes'", []),
        ("# 'comment'\nx = ''", []),
        ("x = f'{y}'", []),
        ("t = {'gemma3:4b': f()}", ["1:7 literal -=gemma3:4b"]),
    ],
)
def test_every_other_string_of_one_word_is_a_literal(head: str, code: str, expected: list[str]) -> None:
    """Whether the file is parsed or only looked through."""
    shift = head.count("\n")
    assert literals(head + code) == [f"{int(line[0]) + shift}{line[1:]}" for line in expected]


@pytest.mark.parametrize(
    "code",
    [
        '"""One-word"""\nimport os\nos.environ\n',
        "import os\nos.environ\ndef f(x: 'Forward') -> 'Back': ...\n",
        "import os\nos.environ\nx: 'Forward' = 1\n",
        "import os\nos.getenv('NAME')\n",
    ],
)
def test_what_is_no_value_stays_silent(code: str) -> None:
    """Docstrings, annotations and the names of variables are no literals."""
    assert literals(code) == []


def test_code_for_a_newer_python_is_a_problem_with_its_place() -> None:
    """Its literals are read all the same."""
    found = read("import os\nx = 'gemma3:4b'\nos.environ = = 1\n")
    ((place, message),) = found.problems
    assert (place.line, place.column) == (3, 14)
    assert "needs a newer Python" in message
    assert [site.value for site in found.sites] == ["gemma3:4b"]


@pytest.mark.parametrize("text", ["os.environ\n\0", "os.environ" + "(" * 5000, "x = os.environ" + "[0]" * 5000])
def test_what_breaks_the_parser_is_a_problem(text: str) -> None:
    """A null byte or deep nesting is no crash."""
    assert read(text).problems


def test_warnings_of_the_parser_are_not_ours(recwarn: pytest.WarningsRecorder) -> None:
    """An invalid escape in a repository under test must not fail its tests."""
    read("import os\nos.environ['\\d']\n")
    assert not recwarn.list


def test_scopes_are_qualified_names() -> None:
    """Of classes and functions."""
    scopes = {site.setting: site.scope for site in read(HELPERS).sites if site.kind == "python-default"}
    assert (scopes["LLM_NUM_CTX"], scopes["S_X"]) == ("Config.__init__", "")


@given(
    value=words | st.integers(-(10**6), 10**6) | st.booleans() | st.floats(0.001, 1000),
    note=st.text("日本é ", max_size=8),
)
def test_a_default_reads_as_the_environment_would_carry_it(value: str | float, note: str) -> None:
    """The place is where it stands, in characters."""
    text = f"import os\nx = '{note}' ; y = os.getenv('X', {value!r})\n"
    (site,) = (found for found in read(text).sites if found.setting == "X")
    assert site.value == (str(value).lower() if isinstance(value, bool) else str(value))
    assert text.splitlines()[1][site.place.column - 1 :].startswith(str(value))


@given(st.text(alphabet="ab'\"=(){}[]:,.# \n\\日f", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever it is fed, every site lies inside the text."""
    lines = text.split("\n")
    for head in ("", "getenv\n"):
        for site in read(head + text).sites:
            assert 1 <= site.place.line <= len(lines) + 1


def commands(text: str) -> list[str]:
    """Return the model names given to `ollama`, without their kind."""
    return [line.replace(" ollama-argument -", "") for line in told(text, "ollama-argument")]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("subprocess.run(['ollama', 'pull', 'gemma3:4b'], check=True)", ["1:36=gemma3:4b"]),
        ("subprocess.check_call(('docker', 'exec', 'b', 'ollama', 'cp', 'a', 'c'))", ["1:64=a", "1:69=c"]),
        ("subprocess.run('ollama pull gemma3:4b', shell=True)", ["1:29=gemma3:4b"]),
        ("os.system('sleep 1 && ollama pull gemma3:4b')", ["1:35=gemma3:4b"]),
        ("subprocess.Popen(shlex.split('ollama run gemma3:4b hi'))", ["1:42=gemma3:4b"]),
        ("asyncio.create_subprocess_exec('ollama', 'pull', 'gemma3:4b')", ["1:51=gemma3:4b"]),
        ("asyncio.create_subprocess_shell('ollama pull gemma3:4b')", ["1:46=gemma3:4b"]),
        ("container.exec_run('ollama show gemma3:4b')", ["1:33=gemma3:4b"]),
        ("subprocess.run(['bash', '-c', 'ollama pull gemma3:4b'])", ["1:44=gemma3:4b"]),
        ("import sh\nsh.ollama('pull', 'gemma3:4b')", ["2:20=gemma3:4b"]),
        ("import sh\nsh.ollama.pull('gemma3:4b')", ["2:17=gemma3:4b"]),
        ("from sh import ollama\nollama('pull', 'gemma3:4b')", ["2:17=gemma3:4b"]),
        ("M = 'gemma3:4b'\nrun(['ollama', 'pull', M])", ["1:6=gemma3:4b"]),
        ("M = 'gemma3:4b'\nrun(f'ollama pull {M}')", ["1:6=gemma3:4b"]),
        ("run(f'ollama cp {a} gemma3:4b')", ["1:21=gemma3:4b"]),
        ("C = 'ollama pull gemma3:4b'\nrun(C, shell=True)", ["1:18=gemma3:4b"]),
        ("run('ollama cp '\n    'a gemma3:4b')", ["2:6=a", "2:8=gemma3:4b"]),
        ("run('''\nset -e\nollama pull gemma3:4b\n''')", ["3:13=gemma3:4b"]),
        ("run('echo \\'é\\'; ollama pull gemma3:4b')", ["1:30=gemma3:4b"]),
        ("run(['ollama', 'pull', model])", []),
        ("log.info('run ollama pull gemma3:4b first')", []),
        ("raise RuntimeError('ollama pull gemma3:4b failed')", []),
        ("run(['echo', 'ollama', 'pull', 'gemma3:4b'])", []),
    ],
)
def test_the_models_of_ollama_commands_are_sites(code: str, expected: list[str]) -> None:
    """In lists of words, in arguments and in shell text; messages are none."""
    assert commands(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "@dataclass\nclass C:\n    engine: str = 'd'",
        "from attrs import define\n@define\nclass C:\n    engine: str = 'd'",
        "import attr\n@attr.s\nclass C:\n    engine = attr.ib(default='d')",
        "class C(NamedTuple):\n    engine: str = 'd'",
        "class C(msgspec.Struct):\n    engine: str = 'd'",
        "class C(BaseModel):\n    engine: str = Field(default='d')",
    ],
)
def test_a_class_with_fields_is_read_whatever_its_fields_are_called(code: str) -> None:
    """No word of it has to speak of models."""
    assert [line.partition(" ")[2] for line in told(code)] == ["python-field ENGINE=d"]


@pytest.mark.parametrize(
    "code",
    [
        "class C(BaseModel):\n    engine: str",
        "def f(x):\n    y = 'd'\n    return getattr(x, y)",
        "@dataclass\nclass C:\n    names: list[str] = make()",
    ],
)
def test_a_file_that_gives_no_field_a_value_is_not_worth_a_tree(code: str) -> None:
    """Most files of a repository are such files."""
    assert not is_telling(code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = os.getenv('X') if flag else 'd'", ["2:34 X=d"]),
        ("x = 'd' if os.getenv('X') is None else os.getenv('X')", ["2:6 X=d"]),
        ("x = 'd' if not os.getenv('X') else os.getenv('X')", ["2:6 X=d"]),
        ("x = 'a' if os.getenv('X') else 'b'", []),
        ("x = os.getenv('X') and 'd'", []),
        ("x = v if (v := os.getenv('X')) else 'd'", ["2:38 X=d"]),
        ("v = os.getenv('X')\nx = v or 'd'", ["3:11 X=d"]),
        ("v = os.getenv('X')\ndef f():\n    return v or 'd'", ["4:18 X=d"]),
        ("v = os.getenv('X')\ndef f(v):\n    return v or 'd'", []),
        ("v = os.getenv('X')\nif not v:\n    v = 'd'", ["4:10 X=d"]),
        ("if (v := os.getenv('X')) is None:\n    v = 'd'", ["3:10 X=d"]),
        ("if 'X' in os.environ:\n    v = os.environ['X']\nelse:\n    v = 'd'", ["5:10 X=d"]),
        ("try:\n    v = os.environ['X']\nexcept KeyError:\n    v = 'd'", ["5:10 X=d"]),
        ("match os.getenv('X'):\n    case None | '':\n        v = 'd'\n    case o:\n        v = o", ["4:14 X=d"]),
        ("match mode:\n    case 'fast':\n        v = os.getenv('X', 'd')", ["4:29 X=d"]),
    ],
)  # fmt: skip
def test_a_fallback_in_any_form_is_the_default(code: str, expected: list[str]) -> None:
    """What only tests the variable gives it no value."""
    assert defaults(f"import os\n{code}") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("c = ChainMap(os.environ, {'X': 'd'})\nc['X']", ["2:33 X=d"]),
        ("d = {'X': 'd'}\nc = {**d, **os.environ}\nc['X']", ["2:12 X=d"]),
        ("c = {'X': 'd'} | os.environ\nc['X']", ["2:12 X=d"]),
        ("c = os.environ | {'X': 'd'}\nc.get('X')", ["2:25 X=d"]),
        ("c = dict(os.environ, X='d')\nc['X']", ["2:25 X=d"]),
        ("c = os.environ.copy()\nc['X'] = 'd'\nc['X']", ["3:11 X=d"]),
        ("os.environ.update({'X': 'd'})\nos.environ['X']", ["2:26 X=d"]),
        ("os.environ |= {'X': 'd'}\nos.environ['X']", ["2:22 X=d"]),
        ("T = {'X': 'd'}\nos.environ.get('X', T['X'])", ["2:12 X=d"]),
        ("T = {'X': 'd'}\ndef get(k): return os.environ.get(k, T[k])\nget('X')", ["2:12 X=d"]),
        ("T = {'X': 'd'}\nc = {k: os.getenv(k, v) for k, v in T.items()}", ["2:12 X=d"]),
        ("T = {'X': 'd'}\ndef get(k): return os.environ.get(k) or T.get(k)\nget('X')", ["2:12 X=d"]),
        ("for k, v in (('X', 'd'),):\n    os.environ.setdefault(k, v)", ["2:21 X=d"]),
    ],
)
def test_what_lies_over_or_under_the_environment_is_a_default(code: str, expected: list[str]) -> None:
    """Told once, and the name is read."""
    found = read(f"import os\n{code}")
    assert defaults(f"import os\n{code}") == expected
    assert [site.kind for site in found.sites if site.setting == "X"] == ["python-default"]
    assert found.reads == frozenset({"X"})


def test_a_table_that_is_kept_apart_from_the_environment_is_only_literals() -> None:
    """Its keys may be anything."""
    assert told("import os\nos.getenv('Y')\nT = {'LLM_MODEL': 'gemma3:4b'}") == []
    assert literals("import os\nos.getenv('Y')\nT = {'LLM_MODEL': 'gemma3:4b'}") == ["3:20 literal -=gemma3:4b"]


def test_a_variable_in_small_letters_is_no_request_option() -> None:
    """Beside the environment it is a variable like any other."""
    assert told("import os\ne = {'num_ctx': '5'} | os.environ") == ["2:18 python-default num_ctx=5"]


def test_a_child_process_is_given_settings() -> None:
    """By its environment."""
    assert defaults("import subprocess, os\nsubprocess.run(c, env={'X': 'd'})") == ["2:30 X=d"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import environs\nenv = environs.Env()\nwith env.prefixed('A_'):\n    env.str('X', 'd')", ["4:19 A_X=d"]),
        ("import environ\nenv = environ.Env(X=(str, 'd'))\nenv('X')", ["2:28 X=d"]),
        ("from environ import Env\nenv = Env()\nenv.str('X', default='d')", ["3:23 X=d"]),
        ("from dynaconf import settings\nsettings.get('X', 'd')", ["2:20 DYNACONF_X=d"]),
        ("from dynaconf import Dynaconf\ns = Dynaconf(envvar_prefix='A')\ns.get('X', 'd')", ["3:13 A_X=d"]),
        ("from starlette.config import Config\nc = Config(env_prefix='A_')\nc('X', default='d')", ["3:17 A_X=d"]),
        ("import os\nP = 'LLM'\nos.getenv(f'{P}_X', 'd')", ["3:22 LLM_X=d"]),
    ],
)
def test_prefixes_belong_to_the_name(code: str, expected: list[str]) -> None:
    """Whoever puts them there."""
    assert defaults(code) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("class S(Base, env_prefix='A_'): pass", ["3:15 A_M=d", "5:14 A_O__N=5"]),
        (
            "class S(Base):\n    model_config: dict = Base.model_config | {'env_prefix': 'A_'}",
            ["3:15 A_M=d", "5:14 A_O__N=5"],
        ),
        ("class S(Base):\n    o: str = 'e'\n    model_config = {'env_prefix': 'A_'}", ["3:15 A_M=d", "9:15 A_O=e"]),
        ("class A(Base, env_prefix='A_'): pass\nclass S(A): pass", ["3:15 A_M=d", "5:14 A_O__N=5"]),
        ("class S(Base): pass", []),
        ("class A(Base, env_prefix='A_'): pass\nclass S(A, BaseSettings): k: int = 1", ["3:15 A_M=d", "5:14 A_O__N=5"]),
        ("class S(Inner, BaseSettings, env_prefix='A_'): pass", ["5:14 A_N=5"]),
    ],
)
def test_an_inherited_field_goes_by_the_prefix_of_the_class(head: str, expected: list[str]) -> None:
    """And stays what it is for the base, if that is used itself."""
    code = (
        "from pydantic_settings import BaseSettings\nclass Plain(BaseModel):\n    m: str = 'd'\n"
        "class Inner(BaseModel):\n    n: int = 5\n"
        "class Base(Plain, BaseSettings, env_nested_delimiter='__'):\n    o: Inner = Inner()\n"
    )
    lines = [line.replace(" python-field", "") for line in told(code + head)]
    assert [line for line in lines if " A_" in line and "=None" not in line] == expected
    assert {"3:15 M=d", "5:14 O__N=5"} <= set(lines)


def test_nested_settings_are_set_through_the_delimiter() -> None:
    """At any depth; the default stands in the inner class, or where the outer one makes it."""
    code = (
        "from pydantic_settings import BaseSettings, SettingsConfigDict\n"
        "class In(BaseModel):\n    x: str = 'd'\n    y: int = 1\n"
        "class S(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_prefix='A_', env_nested_delimiter='__')\n"
        "    inner: In = In(y=2)\n"
    )
    found = [line for line in told(code, "python-field") if "__" in line]
    assert found == ["3:15 python-field A_INNER__X=d", "7:22 python-field A_INNER__Y=2"]


def test_defaults_set_on_a_parser_are_fields() -> None:
    """As those of its options are."""
    assert told("p.set_defaults(model='d')") == ["1:23 python-field MODEL=d"]


@pytest.mark.parametrize(
    ("code", "model"),
    [
        ("opts = {'num_ctx': 8192}\nollama.chat(model='m', options=opts)", "m"),
        ("def f():\n    opts = {'num_ctx': 8192}\n    chat(model='m', options=opts)", "m"),
        ("opts = {'num_ctx': 8192}\nbody = {'model': 'm', 'options': opts}", "m"),
        ("opts = {'num_ctx': 8192}\nchat(model=unknown(), options=opts)", None),
        ("opts = {'num_ctx': 8192}\nchat(model='m', options=opts)\nchat(model='n', options=opts)", None),
        ("opts = {'num_ctx': 8192}\nchat(model='m', options=opts)\ncount(opts)", None),
    ],
)
def test_options_in_a_variable_belong_to_the_one_request_that_takes_them(code: str, model: str | None) -> None:
    """Where several do, to none."""
    (site,) = (site for site in read(code).sites if site.setting == "num_ctx")
    assert site.model == model


@pytest.mark.parametrize(
    "code",
    [
        "num_ctx = 5\ndef f(num_ctx):\n    return {'num_ctx': num_ctx}",
        "num_ctx = 5\ndef f():\n    num_ctx = g()\n    return {'num_ctx': num_ctx}",
        "num_ctx = 5\ndef f():\n    for num_ctx in g():\n        h(num_ctx=num_ctx)",
        "num_ctx = 5\ndef f():\n    global num_ctx\n    num_ctx = g()\nh(num_ctx=num_ctx)",
        "num_ctx = 5\nf = lambda num_ctx: g(num_ctx=num_ctx)",
    ],
)
def test_a_name_means_what_its_scope_makes_it(code: str) -> None:
    """A parameter or a variable of a function hides the constant of the module."""
    assert told(code, "json-body") == []


def test_a_constant_of_a_function_is_one_there() -> None:
    """And nowhere else."""
    code = "def f():\n    m = 'd'\n    chat(model=m)\ndef g(m):\n    chat(model=m)"
    assert told(code, "json-body") == ["2:10 json-body model=d"]


@pytest.mark.parametrize(
    "code",
    [
        "import unittest\nclass T(unittest.TestCase):\n    x = os.getenv('X', 'd')",
        "import unittest\nclass A(IsolatedAsyncioTestCase):\n    x = 'd'\nclass B(A):\n    x = os.getenv('X', 'd')",
        "import pytest\ndef test_it():\n    assert os.getenv('X', 'd')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    x = os.getenv('X', 'd')",
        "import typing\nif typing.TYPE_CHECKING:\n    x = os.getenv('X', 'd')",
        "def f():\n    '''>>> os.getenv('X', 'd')'''",
    ],
)
def test_inline_tests_and_what_only_type_checkers_see_stay_silent(code: str) -> None:
    """They run in no service."""
    found = read(f"import os\n{code}")
    assert (found.sites, found.reads) == ((), frozenset())


def test_a_function_that_is_only_called_like_a_test_counts() -> None:
    """Where no test library is imported."""
    assert defaults("import os\ndef test_mode():\n    return os.getenv('X', 'd')") == ["3:28 X=d"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("os.getenv('X', 'gemma3:4b')", ["3:17 X=gemma3:4b"]),
        ("int(os.environ.get('X', 8_192))", ["3:25 X=8192"]),
        ('environ.setdefault("X",\n    default="d")', ["4:14 X=d"]),
        ("os.environ['X']", []),
        ("# os.getenv('X', 'd')", []),
        ("'''os.getenv('X', 'd')'''", []),
        ('x = \'os.getenv("X", "d")\'', []),
        ("os.getenv('X', d)", []),
    ],
)  # fmt: skip
def test_reads_that_newer_code_spells_out_still_count(code: str, expected: list[str]) -> None:
    """What this Python cannot parse is read by its words."""
    text = f"import os\ndef f(:\n{code}\n"
    assert defaults(text) == expected
    assert read(text).problems


def test_a_lone_carriage_return_ends_a_line() -> None:
    """As it does for Python."""
    assert defaults("import os\ros.getenv('X', 'd')\r\nos.getenv('Y', 'e')") == ["2:17 X=d", "3:17 Y=e"]


@given(word=words, quote=st.sampled_from(["'", '"', "'''"]), head=st.text("日é x", max_size=6))
def test_a_model_in_shell_text_stands_where_it_is_found(word: str, quote: str, head: str) -> None:
    """Whatever stands before it."""
    text = f"x = '{head}'; run({quote}ollama pull m{word}{quote})\n"
    (site,) = (site for site in read(text).sites if site.kind == "ollama-argument")
    assert text[site.place.column - 1 :].startswith(f"m{word}")
    assert site.value == f"m{word}"
