"""Code that sets a variable whatever it is given is told from code that gives a default, in every language."""

from __future__ import annotations

import pytest

from pytest_newscreator.sources import registry
from pytest_newscreator.sources.sites import SourceFile

# Each text says at § what X becomes.
ALWAYS = {
    "a.py": [
        'import os\nfor k, v in {"X": "§4096"}.items():\n    os.environ[k] = v\n',
        'import os\nD = {"X": "§4096"}\nfor k, v in D.items():\n    os.environ[k] = v\n',
        'import os\nos.environ |= {"X": "§4096"}\n',
        'import os\nos.environ["X"] = str(§4096)\n',
        'import os\ndel os.environ["§X"]\n',
        'import os\nos.environ.pop("§X", None)\n',
    ],
    "a.php": ['<?php putenv("X=§4096");\n', '<?php $_ENV["X"] = "§4096";\n'],
    "a.ps1": [
        '[Environment]::SetEnvironmentVariable("X", "§4096")\n',
        '[System.Environment]::SetEnvironmentVariable("X", "§4096", "Process")\n',
    ],
    "a.rb": ["ENV.store('X', '§4096')\n", "ENV.update('X' => '§4096')\n", "ENV.merge!({'X' => '§4096'})\n"],
    "a.js": ["Object.assign(process.env, {X: '§4096'})\n"],
}
SOMETIMES = {
    "a.c": [
        'int main() {\n  putenv("X=§4096");\n}\n',
        'int main() {\n  putenv((char*)"X=§4096");\n}\n',
        'int main() {\n  setenv("X", "§4096", 1);\n}\n',
    ],
    "a.cpp": ['int main() {\n  putenv(const_cast<char*>("X=§4096"));\n}\n'],
    "a.js": [
        "if (process.env.NODE_ENV !== 'production') process.env.X = '§4096'\n",
        "if (a) {\n  process.env.X = '§4096'\n}\n",
    ],
    "a.go": ['package m\nfunc f() {\n\tif a {\n\t\tos.Setenv("X", "§4096")\n\t}\n}\n'],
    "a.py": [
        'import os\nif DEBUG:\n    os.environ["X"] = "§4096"\n',
        'import os, subprocess\nenv = {}\nenv["X"] = "§4096"\nsubprocess.run(["x"], env=env)\n',
        'import os, subprocess\nenv = {}\nenv["X"] = "§4096"\nsubprocess.run(["x"], env={**os.environ, **env})\n',
        'import os, subprocess\nenv = os.environ.copy()\nenv["X"] = "§4096"\nsubprocess.run(["x"], env=env)\n',
    ],
}
NEVER = {
    "a.py": [
        'import os\nif os.environ.get("X") is None:\n    os.environ["X"] = "§4096"\n',
        'import os\nif "X" not in os.environ:\n    os.environ["X"] = "§4096"\n',
        'import os\nv = os.getenv("X")\nif not v:\n    os.environ["X"] = "§4096"\n',
        'import os\ntry:\n    os.environ["X"]\nexcept KeyError:\n    os.environ["X"] = "§4096"\n',
        'import os\nfor k, v in {"X": "§4096"}.items():\n    if k not in os.environ:\n        os.environ[k] = v\n',
    ],
    "a.c": ['int main() {\n  setenv("X", "§4096", 0);\n}\n'],
    "a.js": ["if (!process.env.X) process.env.X = '§4096'\n", "if (!process.env.X) {\n  process.env.X = '§4096'\n}\n"],
    "a.rb": ["ENV['X'] = '§4096' unless ENV['X']\n", "unless ENV.key?('X')\n  ENV['X'] = '§4096'\nend\n"],
    "a.go": ['package m\nfunc f() {\n\tv := os.Getenv("X")\n\tif v == "" {\n\t\tos.Setenv("X", "§4096")\n\t}\n}\n'],
    "a.php": ['<?php\nif (!getenv("X")) putenv("X=§4096");\n'],
    "a.ps1": ['if (-not $env:X) {\n  $env:X = "§4096"\n}\n'],
}
CASES = [
    pytest.param(path, text, how, id=f"{how or 'default'} {path} {number}")
    for how, table in (("always", ALWAYS), ("sometimes", SOMETIMES), ("", NEVER))
    for path, texts in table.items()
    for number, text in enumerate(texts)
]


def sites(path: str, text: str) -> list[tuple[int, int, str]]:
    """Return where a file gives X a value, and how sure it is that it hides what is given."""
    read = registry.read(SourceFile(path, text), registry.readers())
    return [(site.place.line, site.place.column, site.overwrites) for site in read.sites if site.setting == "X"]


@pytest.mark.parametrize(("path", "text", "how"), CASES)
def test_an_overwrite_is_told_from_a_default(path: str, text: str, how: str) -> None:
    """At the value's own place, by what is asked before it is given."""
    before = text[: text.index("§")]
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert sites(path, text.replace("§", "")) == [(*place, how)]


@pytest.mark.parametrize(
    "text",
    [
        'import os\nenv = {}\nenv["X"] = "4096"\n',
        'import os\nN = os.environ["X"]\ndel os.environ["X"]\n',
        'import os\nN = os.environ.pop("X")\n',
        'import os\nenv = os.environ.copy()\ndel env["X"]\n',
        'import os\ndef clean():\n    os.environ.pop("X", None)\n',
        'import os\ndel os.environ["X"]\nos.environ["X"] = value\n',
    ],
    ids=["no environment", "read before", "taken out", "a copy", "never called", "given again"],
)
def test_what_does_not_reach_a_program_is_no_value(text: str) -> None:
    """A dict that nobody is given, a variable that is taken away when it has been read, or is given anew."""
    read = registry.read(SourceFile("a.py", text), registry.readers())
    assert [site.value for site in read.sites if site.setting == "X" and site.value is not None] == []
