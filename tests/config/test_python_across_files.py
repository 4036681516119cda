"""What a Python file imports from another file of the repository is known where it is used."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.sources.python import reader as python
from pytest_newscreator.sources.sites import SourceFile

names = st.sampled_from(["a", "b", "c", "d"])


def told(files: Mapping[str, str]) -> list[str]:
    """Read files together; return their sites but for literals, a line each, with the file that says so."""
    reads = python.read_all([SourceFile(path, text) for path, text in files.items()])
    return [
        f"{path}: {site.place} {site.setting or '-'}={site.value}"
        for path, read in reads.items()
        for site in read.sites
        if site.kind != "literal"
    ]


ENV = "import os\ndef get_int(name, default=None):\n    return int(os.getenv(name, default))\n"


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("from .env import get_int\nN = get_int('X', 8192)", "app/main.py"),
        ("from . import env\nN = env.get_int('X', 8192)", "app/main.py"),
        ("from app.env import get_int as number\nN = number('X', 8192)", "app/main.py"),
        ("from app.env import (\n    get_int,\n)\nN = get_int('X', 8192)", "app/deep/er/main.py"),
        ("import app.env\nN = app.env.get_int('X', 8192)", "main.py"),
        ("import app.env as e\nN = e.get_int('X', 8192)", "main.py"),
        ("from ..env import get_int\nN = get_int('X', default=8192)", "app/deep/main.py"),
        ("from .env import *\nN = get_int('X', 8192)", "app/main.py"),
    ],
)
def test_a_helper_of_another_file_makes_its_calls_sites(user: str, path: str) -> None:
    """However it is imported, also in a file that tells nothing by itself."""
    (line,) = told({path: user, "app/env.py": ENV, "app/__init__.py": ""})
    assert line.startswith(f"{path}: {path}:")
    assert line.endswith(" X=8192")


def test_what_a_helper_of_another_file_reads_is_read() -> None:
    """By the file that calls it."""
    files = {"env.py": ENV, "main.py": "from env import get_int\nget_int('X')\n"}
    reads = python.read_all([SourceFile(path, text) for path, text in files.items()])
    assert reads["main.py"].reads == frozenset({"X"})


def test_a_default_that_only_the_helper_knows_is_pinned_to_the_helper() -> None:
    """Where it can be corrected."""
    files = {"env.py": "import os\ndef fixed(n): return os.getenv(n, 'd')", "m.py": "from env import fixed\nfixed('X')"}
    assert told(files) == ["m.py: env.py:2:36 X=d"]


def test_a_method_of_an_imported_class_is_a_helper() -> None:
    """On the class, on its children, and on what is made of it."""
    base = "import os\nclass Reader:\n    @staticmethod\n    def get(n, d): return os.getenv(n, d)\n"
    user = (
        "from base import Reader\nReader.get('A', '1')\nr = Reader()\nr.get('B', '2')\n"
        "class Child(Reader):\n    def f(self): return self.get('C', '3')\n"
    )
    assert told({"base.py": base, "m.py": user}) == [
        "m.py: m.py:2:18 A=1",
        "m.py: m.py:4:13 B=2",
        "m.py: m.py:6:40 C=3",
    ]


def test_a_table_of_a_helper_is_told_by_its_own_file_alone() -> None:
    """However many files look something up in it."""
    env = "import os\nT = {'X': 'd'}\ndef get(k): return os.environ.get(k, T[k])\n"
    user = "from env import get\nget('X')\n"
    assert told({"a.py": user, "env.py": env, "m.py": user}) == ["env.py: env.py:2:12 X=d"]


def test_a_constant_that_two_files_use_alike_is_told_once() -> None:
    """By the first of them."""
    user = "import os\nfrom c import M\nos.getenv('X', M)"
    assert told({"a.py": user, "b.py": user, "c.py": "M = 'd'"}) == ["a.py: c.py:1:6 X=d"]


@pytest.mark.parametrize(
    ("defaults", "user", "place"),
    [
        ("M = 'gemma3:4b'", "from .defaults import M\nos.getenv('X', M)", "1:6"),
        ("M = 'gemma3:4b'", "from .defaults import M as N\nos.getenv('X', N)", "1:6"),
        ("M = 'gemma3:4b'", "from . import defaults\nos.getenv('X', defaults.M)", "1:6"),
        ("M = 'gemma3:4b'", "from .defaults import *\nos.getenv('X', M)", "1:6"),
        ("class D:\n    M = 'gemma3:4b'", "from .defaults import D\nos.getenv('X', D.M)", "2:10"),
        ("class D(Enum):\n    M = 'gemma3:4b'", "from .defaults import D\nos.getenv('X', D.M.value)", "2:10"),
        ("T = {'X': 'gemma3:4b'}", "from .defaults import T\nos.getenv('X', T['X'])", "1:12"),
        ("T = {'X': 'gemma3:4b'}", "from .defaults import T\nos.getenv('X', T.get('X'))", "1:12"),
    ],
)
def test_a_constant_of_another_file_is_pinned_to_its_literal(defaults: str, user: str, place: str) -> None:
    """And the literal itself is told once, not twice."""
    files = {"p/defaults.py": defaults, "p/m.py": f"import os\n{user}"}
    assert told(files) == [f"p/m.py: p/defaults.py:{place} X=gemma3:4b"]
    reads = python.read_all([SourceFile(path, text) for path, text in files.items()])
    assert [site for site in reads["p/defaults.py"].sites if site.value == "gemma3:4b"] == []


def test_a_name_that_is_handed_on_by_a_package_is_known() -> None:
    """Through `__init__.py`, and through a second module."""
    files = {
        "m.py": "import os\nfrom conf import M, get_int\nos.getenv('X', M)\nget_int('Y', 1)",
        "conf/__init__.py": "from .inner import *\nfrom .env import get_int",
        "conf/inner.py": "from .values import M",
        "conf/values.py": "M = 'd'",
        "conf/env.py": ENV,
    }
    assert told(files) == ["m.py: conf/values.py:1:6 X=d", "m.py: m.py:4:14 Y=1"]


BASE = "from pydantic_settings import BaseSettings\nclass Base(BaseSettings, env_prefix='APP_'):\n    pass\n"


@pytest.mark.parametrize(
    "user",
    [
        "from config.base import Base\nclass S(Base):\n    size: int = 5",
        "from config import base\nclass S(base.Base):\n    size: int = 5",
        "import config.base\nclass S(config.base.Base):\n    size: int = 5",
    ],
)
def test_a_settings_base_of_another_file_hands_on_its_prefix(user: str) -> None:
    """And makes its children's fields settings."""
    files = {"config/base.py": BASE, "svc.py": user}
    assert told(files) == ["svc.py: svc.py:3:17 APP_SIZE=5"]
    reads = python.read_all([SourceFile(path, text) for path, text in files.items()])
    assert reads["svc.py"].reads == frozenset({"APP_SIZE"})


LLM = (
    "import os\nfrom pydantic import Field\nfrom pydantic_settings import BaseSettings\nSIZE = 8192\n"
    "class Llm(BaseSettings):\n    model: str = 'gemma3:4b'\n    num_ctx: int = Field(default=SIZE, gt=0)\n"
    "    url: str\n    key: str = Field('k', validation_alias='LLM_KEY')\n    seed: str = os.getenv('SEED', '1')\n"
)
TRIAGE = (
    "from common.llm import Llm\nfrom pydantic_settings import SettingsConfigDict\n"
    "class S(Llm):\n    model_config = SettingsConfigDict(env_prefix='TRIAGE_')\n"
)
HANDED_ON = ["common/llm.py:4:8 TRIAGE_NUM_CTX=8192", "common/llm.py:6:19 TRIAGE_MODEL=gemma3:4b"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (TRIAGE, HANDED_ON),
        (f"{TRIAGE}    model: str = 'd'\n", ["a.py:5:19 TRIAGE_MODEL=d", HANDED_ON[0]]),
        (f"{TRIAGE}class T(S):\n    size: int = 5\n", ["a.py:6:17 TRIAGE_SIZE=5", *HANDED_ON]),
        ("from common.llm import Llm\nclass S(Llm):\n    class Config:\n        env_prefix = 'triage_'\n", HANDED_ON),
        ("import common.llm\nclass S(common.llm.Llm, env_prefix='TRIAGE_'):\n    pass\n", HANDED_ON),
        ("from common.llm import Llm\nclass Llm(Llm, env_prefix='TRIAGE_'):\n    pass\n", HANDED_ON),
        ("from common.llm import Llm\nclass S(Llm):\n    size: int = 5\n", ["a.py:3:17 SIZE=5"]),
    ],
)
def test_the_prefix_of_a_subclass_names_the_fields_of_its_base_too(user: str, expected: list[str]) -> None:
    """Each pinned to the default in the base, but for those that it declares anew, and for aliases."""
    lines = told({"a.py": user, "common/llm.py": LLM})
    assert [line.removeprefix("a.py: ") for line in lines if line.startswith("a.py: ")] == expected
    assert "common/llm.py: common/llm.py:6:19 MODEL=gemma3:4b" in lines


def test_an_inherited_field_is_read_under_the_name_that_the_subclass_gives_it() -> None:
    """Also where it has no default, or one that reads the environment itself."""
    reads = python.read_all([SourceFile("common/llm.py", LLM), SourceFile("a.py", TRIAGE)])
    assert reads["a.py"].reads == {f"TRIAGE_{name}" for name in ("MODEL", "NUM_CTX", "URL", "SEED")}


def test_an_object_that_reads_the_environment_may_come_from_another_file() -> None:
    """With its prefix."""
    files = {
        "conf.py": "from dynaconf import Dynaconf\nsettings = Dynaconf(envvar_prefix='APP')",
        "m.py": "from conf import settings\nsettings.get('X', 'd')",
    }
    assert told(files) == ["m.py: m.py:2:20 APP_X=d"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("from gone import M\nos.getenv('X', M)", ["m.py: m.py:3:16 X=None"]),
        ("from gone import get_int\nget_int('X', 5)", []),
        ("from other import M\nos.getenv('X', M)", ["m.py: m.py:3:16 X=None"]),
    ],
)
def test_what_is_not_given_stays_unknown(user: str, expected: list[str]) -> None:
    """A default has no value only where a default is really there."""
    assert told({"m.py": f"import os\n{user}", "other.py": "M = compute()"}) == expected


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (["svc/a/conf.py", "svc/b/conf.py"], "svc/a/conf.py"),
        (["svc/conf.py", "conf.py"], "svc/conf.py"),
        (["svc/b/conf.py"], None),
        (["svc/a/conf.py", "svc/a/__init__.py", "svc/conf.py"], "svc/conf.py"),
    ],
)
def test_a_module_is_looked_for_from_the_importer_outwards(paths: list[str], chosen: str | None) -> None:
    """The module of another service, which happens to have the same name, is not meant."""
    files = {path: "M = 'd'" if path.endswith("conf.py") else "" for path in paths}
    expected = f"{chosen}:1:6 X=d" if chosen else "svc/a/m.py:3:16 X=None"
    user = "import os\nfrom conf import M\nos.getenv('X', M)"
    assert told({**files, "svc/a/m.py": user}) == [f"svc/a/m.py: {expected}"]


def test_a_module_of_the_standard_library_is_never_a_file_of_the_repository() -> None:
    """`app/types.py` is not what `import types` means."""
    files = {"types.py": "M = 'd'", "m.py": "import os\nfrom types import M\nos.getenv('X', M)"}
    assert told(files) == ["m.py: m.py:3:16 X=None"]


def test_files_that_import_each_other_are_both_understood() -> None:
    """Whichever comes first."""
    files = {
        "a.py": "import os\nfrom b import get\nM = 'd'\nget('X', '1')",
        "b.py": "import os\nfrom a import M\ndef get(n, d): return os.getenv(n, d)\nos.getenv('Y', M)",
    }
    expected = {"a.py: a.py:4:11 X=1", "b.py: a.py:3:6 Y=d"}
    assert set(told(files)) == expected
    assert set(told(dict(reversed(files.items())))) == expected


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_constant_in_a_circle_is_known_whichever_file_is_read_first(first: str) -> None:
    """Also of a file that tells nothing by itself, and through `import *` in both directions."""
    user = "import os\nfrom y import *\nos.getenv('X', M)\n"
    files = {"x.py": user, "y.py": "from z import *\n", "z.py": "from y import *\nfrom x import os\nM = 'd'\n"}
    order = files if first == "a" else dict(reversed(files.items()))
    assert told(order) == ["x.py: z.py:3:6 X=d"]


def test_a_long_chain_of_imports_is_no_problem() -> None:
    """Longer than Python's stack is deep."""
    files = {f"m{i}.py": f"import os\nfrom m{i + 1} import M\nos.environ" for i in range(1200)}
    assert told({**files, "m1200.py": "M = 'd'", "z.py": "import os\nfrom m0 import M\nos.getenv('X', M)"}) == [
        "z.py: m1200.py:1:6 X=d"
    ]


def test_files_without_imports_read_as_they_do_alone() -> None:
    """Reading together adds, it never takes away."""
    texts = {"a.py": "import os\nos.getenv('X', 'd')", "b.py": "x = 'gemma3:4b'", "c.py": "def f(:"}
    sources = [SourceFile(path, text) for path, text in texts.items()]
    assert python.read_all(sources) == {source.path: python.read(source) for source in sources}


@given(st.dictionaries(names, st.lists(names, max_size=4), min_size=1))
def test_every_graph_of_imports_is_read_to_its_end(graph: dict[str, list[str]]) -> None:
    """Each file has its own default, whoever imports whom."""
    files = {
        f"{name}.py": "import os\n" + "".join(f"from {other} import M_{other}\n" for other in others)
        + f"M_{name} = '{name}'\nos.getenv('{name.upper()}', M_{name})"
        for name, others in graph.items()
    }  # fmt: skip
    lines = told(files)
    assert len(lines) == len(files)
    assert all(line.endswith(f" {line[0].upper()}={line[0]}") for line in lines)
