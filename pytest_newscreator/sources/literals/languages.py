"""How each language writes comments and strings; `lexer` turns each entry into one expression.

A general highlighter is not exact enough here: it takes `//` of Perl for an empty pattern, the comment behind a
Terraform string for a part of it, and everything behind an apostrophe of JSX text for strings.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pytest_newscreator.frozen import frozen

Holds = Literal["text", "words", "character", "nothing"]

_BACKSLASH = r"\\[\s\S]"
_DOLLAR = r"\$(?=[^\W\d])"
_SCREEN_WORDS = "return case typeof in of from import else default yield await new do void delete as and or not if"


@frozen
class Form:
    """One way to write a string. `§` in `closes` stands for what the first group of `opens` matched.

    `holes` open code inside the text, `marks` are variables in it; either makes its value unknown. `apart` says that an
    apostrophe right behind a word opens nothing.
    """

    opens: str
    closes: str
    escapes: str = _BACKSLASH
    holes: str = ""
    marks: str = ""
    spans_lines: bool = False
    holds: Holds = "text"
    apart: bool = False


@frozen
class Language:
    """The comments, strings and names of a language; `is_data` says that its `key = value` pairs are settings."""

    name: str
    comments: tuple[str, ...]
    forms: tuple[Form, ...]
    names: str = r"\$env:\w+|\$?[^\W\d]\w*"
    patterns: bool = False
    is_data: bool = False
    placeholders: bool = False


_C = (r"//[^\n]*", r"/\*.*?(?:\*/|\Z)")
_HASH = (r"#[^\n]*",)
_DASHES = (r"--[^\n]*",)
_DOUBLE = Form('"', '"')
_SINGLE = Form("'", "'")
_CHARACTER = Form(r"'(?=\\[^\n']{1,10}'|[^\\'\n]')", "'", holds="character")
_TRIPLE = Form('"""', '"""', escapes="", spans_lines=True)
_BACKTICK = Form("`", "`", escapes="", spans_lines=True)
_SHELL_HEREDOC = Form(
    r"<<[~-]?[\"']?([A-Z_]\w*)[\"']?[^\n]*\n", r"^[ \t]*§\b", holes=r"[#$%]\{", marks=_DOLLAR, spans_lines=True
)

_SCRIPT_FORMS = (
    _DOUBLE,
    replace(_SINGLE, apart=True),
    Form("`", "`", holes=r"\$\{", spans_lines=True),
)
_SCRIPT = Language("javascript", _C, _SCRIPT_FORMS, patterns=True)
_MARKUP = replace(_SCRIPT, name="markup", comments=(*_C, r"<!--.*?(?:-->|\Z)"))
_XML = Language(
    "xml",
    (r"<!--.*?(?:-->|\Z)",),
    (_DOUBLE, _SINGLE, Form(r">(?=[^<>\s]+<)", "(?=<)", escapes="")),
)
_GO = Language("go", _C, (_DOUBLE, _BACKTICK, _CHARACTER))
_RUST = Language(
    "rust",
    (r"//[^\n]*", r"/\*.*?(?:\*/|\Z)"),
    (
        Form(r'b?r(#*)"', '"§', escapes="", spans_lines=True),
        Form(r'[bc]?"', '"', spans_lines=True),
        _CHARACTER,
    ),
)
_JAVA = Language("java", _C, (replace(_TRIPLE, escapes=_BACKSLASH), _DOUBLE, _CHARACTER), placeholders=True)
_KOTLIN = Language(
    "kotlin",
    _C,
    (replace(_TRIPLE, holes=r"\$\{", marks=_DOLLAR), replace(_DOUBLE, holes=r"\$\{", marks=_DOLLAR), _CHARACTER),
    placeholders=True,
)
_SCALA = Language(
    "scala",
    _C,
    (
        Form(r'[a-z]+"""', '"""', escapes="", holes=r"\$\{", marks=_DOLLAR, spans_lines=True),
        _TRIPLE,
        Form(r'[a-z]+"', '"', holes=r"\$\{", marks=_DOLLAR),
        _DOUBLE,
        _CHARACTER,
    ),
)
_GROOVY = Language(
    "groovy",
    _C,
    (
        replace(_TRIPLE, escapes=_BACKSLASH, holes=r"\$\{", marks=_DOLLAR),
        Form("'''", "'''", spans_lines=True),
        replace(_DOUBLE, holes=r"\$\{", marks=_DOLLAR),
        _SINGLE,
    ),
    patterns=True,
)
_CSHARP = Language(
    "csharp",
    (*_C, r"^[ \t]*#(?:region|endregion|error|warning|pragma)[^\n]*"),
    (
        Form(r'\$+"""', '"""', escapes="", holes=r"\{", spans_lines=True),
        _TRIPLE,
        Form(r'(?:\$@|@\$)"', '"(?!")', escapes=r'""|\{\{', holes=r"\{", spans_lines=True),
        Form('@"', '"(?!")', escapes='""', spans_lines=True),
        Form(r'\$"', '"', escapes=r"\\.|\{\{", holes=r"\{"),
        _DOUBLE,
        _CHARACTER,
    ),
)
_CPP = Language(
    "c++",
    (*_C, r"^[ \t]*#[ \t]*include[^\n]*"),
    (Form(r'(?:u8|[uUL])?R"([^()\s\\]{0,16})\(', r'\)§"', escapes="", spans_lines=True), _DOUBLE, _CHARACTER),
)
_RUBY = Language(
    "ruby",
    (*_HASH, r"^=begin\b.*?(?:^=end\b|\Z)", r"^__END__\s.*"),
    (
        _SHELL_HEREDOC,
        Form(r"%[wWiI]([\[({<])", "§", spans_lines=True, holds="words"),
        Form(r"%[qQ]([\[({<])", "§", holes=r"#\{", spans_lines=True),
        replace(_DOUBLE, holes=r"#\{", spans_lines=True),
        replace(_SINGLE, spans_lines=True),
        Form("`", "`", holes=r"#\{"),
    ),
    patterns=True,
)
_PHP = Language(
    "php",
    (*_C, r"#(?!\[)[^\n]*", r"<!--.*?(?:-->|\Z)"),
    (
        Form(r"<<<[ \t]*'(\w+)'\n", r"^[ \t]*§\b", escapes="", spans_lines=True),
        Form(r'<<<[ \t]*"?(\w+)"?\n', r"^[ \t]*§\b", holes=r"\{(?=\$)", marks=_DOLLAR, spans_lines=True),
        replace(_DOUBLE, holes=r"\$\{|\{(?=\$)", marks=_DOLLAR),
        replace(_SINGLE, apart=True),
    ),
)
_PERL = Language(
    "perl",
    (r"(?<![$&])#[^\n]*", r"^=[a-z]+\b.*?(?:^=cut\b|\Z)", r"^__(?:END|DATA)__\s.*"),
    (
        _SHELL_HEREDOC,
        Form(r"\bqw\s*([\[({</|])", "§", spans_lines=True, holds="words"),
        Form(r"\bq\s*([\[({</|])", "§", spans_lines=True),
        Form(r"\bqq\s*([\[({</|])", "§", marks=r"[$@](?=[^\W\d]|\{)", spans_lines=True),
        replace(_DOUBLE, marks=r"[$@](?=[^\W\d]|\{)"),
        _SINGLE,
    ),
)
_LUA = Language(
    "lua",
    (r"--\[(?P<level>=*)\[.*?(?:\](?P=level)\]|\Z)", *_DASHES),
    (Form(r"\[(=*)\[\n?", r"\]§\]", escapes="", spans_lines=True), _DOUBLE, _SINGLE),
)
_SWIFT = Language(
    "swift",
    _C,
    (
        Form('#+"', '"#+', escapes=""),
        replace(_TRIPLE, escapes=r"\\[^(]", holes=r"\\\("),
        replace(_DOUBLE, escapes=r"\\[^(]", holes=r"\\\("),
    ),
)
_ELIXIR = Language(
    "elixir",
    _HASH,
    (
        Form(r'@(?:module|type)?doc\s+(?:~[sS])?"""', '"""', spans_lines=True, holds="nothing"),
        Form(r'@(?:module|type)?doc\s+"', '"', spans_lines=True, holds="nothing"),
        Form(r'(?:~[a-zA-Z])?"""', '"""', holes=r"#\{", spans_lines=True),
        Form(r"~w([\[({<|/\"'])", "§", spans_lines=True, holds="words"),
        Form(r"~[sScC]([\[({<|/\"'])", "§", holes=r"#\{", spans_lines=True),
        Form(r"~[rR]([\[({<|/\"'])", "§", spans_lines=True, holds="nothing"),
        replace(_DOUBLE, holes=r"#\{", spans_lines=True),
        replace(_SINGLE, holes=r"#\{", spans_lines=True),
    ),
)
_DART = Language(
    "dart",
    _C,
    (
        Form(r"r(\"\"\"|'''|\"|')", "§", escapes="", spans_lines=True),
        Form(r"(\"\"\"|''')", "§", holes=r"\$\{", marks=_DOLLAR, spans_lines=True),
        replace(_DOUBLE, holes=r"\$\{", marks=_DOLLAR),
        replace(_SINGLE, holes=r"\$\{", marks=_DOLLAR),
    ),
)
_POWERSHELL = Language(
    "powershell",
    (r"<#.*?(?:#>|\Z)", *_HASH),
    (
        Form(r"@'[ \t]*\n", r"^'@", escapes="", spans_lines=True),
        Form(r'@"[ \t]*\n', r'^"@', escapes=r"`[\s\S]", holes=r"\$\(", marks=r"\$(?=[\w{])", spans_lines=True),
        replace(_DOUBLE, escapes=r"`[\s\S]", holes=r"\$\(", marks=r"\$(?=[\w{])"),
        Form("'", "'(?!')", escapes="''"),
    ),
    names=r"\$(?i:env):\w+|\$\{(?i:env):\w+\}|\$?[^\W\d]\w*",
)
_NIX = Language(
    "nix",
    (*_HASH, r"/\*.*?(?:\*/|\Z)"),
    (
        Form("''", r"''(?![$'\\])", escapes=r"''[$'\\]", holes=r"\$\{", spans_lines=True),
        replace(_DOUBLE, holes=r"\$\{", spans_lines=True),
    ),
    names=r"[^\W\d][\w'-]*",
    is_data=True,
)
_HCL = Language(
    "hcl",
    (*_HASH, *_C),
    (
        Form(r"<<[~-]?([A-Za-z_]\w*)\n", r"^[ \t]*§\b", escapes="", holes=r"[$%]\{", spans_lines=True),
        replace(_DOUBLE, escapes=r"\\.|[$%]{2}\{", holes=r"[$%]\{"),
    ),
    names=r"[^\W\d][\w-]*",
    is_data=True,
)
_JSONNET = Language(
    "jsonnet",
    (*_C, *_HASH),
    (
        Form(r"\|\|\|-?[ \t]*\n", r"^[ \t]*\|\|\|", escapes="", spans_lines=True),
        Form('@"', '"', escapes='""'),
        replace(_DOUBLE, spans_lines=True),
        replace(_SINGLE, spans_lines=True),
    ),
    is_data=True,
)
_JSON = Language("json", _C, (_DOUBLE, _SINGLE), is_data=True)
_TOML = Language(
    "toml",
    _HASH,
    (
        replace(_TRIPLE, escapes=_BACKSLASH),
        Form("'''", "'''", escapes="", spans_lines=True),
        _DOUBLE,
        replace(_SINGLE, escapes=""),
    ),
    names=r"[^\W\d][\w-]*",
    is_data=True,
)
_SQL = Language(
    "sql",
    (*_DASHES, r"/\*.*?(?:\*/|\Z)"),
    (Form("'", "'(?!')", escapes="''", spans_lines=True), Form(r"\$(\w*)\$", r"\$§\$", escapes="", spans_lines=True)),
)
_CLOJURE = Language("clojure", (r";[^\n]*", r"#_[^\s()\[\]]+"), (replace(_DOUBLE, spans_lines=True),))
_JULIA = Language(
    "julia",
    (r"#=.*?(?:=#|\Z)", *_HASH),
    (
        replace(_TRIPLE, escapes=_BACKSLASH, holes=r"\$\(", marks=_DOLLAR),
        replace(_DOUBLE, holes=r"\$\(", marks=_DOLLAR, spans_lines=True),
        _CHARACTER,
    ),
)
_R = Language("r", _HASH, (_DOUBLE, _SINGLE))
_STARLARK = Language(
    "starlark",
    _HASH,
    (
        Form(r"[rRbB]?(\"\"\"|''')", "§", spans_lines=True),
        Form(r"[fF](\"|')", "§", holes=r"\{"),
        Form(r"[rRbB]?(\"|')", "§"),
    ),
)
_ERLANG = Language("erlang", (r"%[^\n]*",), (replace(_DOUBLE, spans_lines=True),))
_JUST = Language("just", _HASH, (_TRIPLE, _DOUBLE, replace(_SINGLE, escapes=""), Form("`", "`", holds="nothing")))

_BY_SUFFIX = {
    ".js .mjs .cjs .jsx .ts .mts .cts .tsx": _SCRIPT,
    ".vue .svelte .astro .html .htm": _MARKUP,
    ".xml .plist": _XML,
    ".go": _GO,
    ".rs": _RUST,
    ".java": _JAVA,
    ".kt .kts": _KOTLIN,
    ".scala .sc .sbt": _SCALA,
    ".groovy .gradle jenkinsfile": _GROOVY,
    ".cs .csx": _CSHARP,
    ".c .h .cc .cpp .cxx .hh .hpp .hxx .cu .cuh .m .mm .ino .proto .zig .d": _CPP,
    ".rb .rake .gemspec .ru .cr gemfile rakefile vagrantfile": _RUBY,
    ".php": _PHP,
    ".pl .pm": _PERL,
    ".lua": _LUA,
    ".swift": _SWIFT,
    ".ex .exs": _ELIXIR,
    ".dart": _DART,
    ".ps1 .psm1 .psd1": _POWERSHELL,
    ".nix": _NIX,
    ".tf .tfvars .hcl .nomad": _HCL,
    ".jsonnet .libsonnet": _JSONNET,
    ".json .json5 .jsonc .webmanifest": _JSON,
    ".toml pipfile": _TOML,
    ".sql": _SQL,
    ".clj .cljs .cljc .edn": _CLOJURE,
    ".jl": _JULIA,
    ".r": _R,
    ".bzl .star .bazel tiltfile": _STARLARK,
    ".erl .hrl": _ERLANG,
}
LANGUAGES = {suffix: language for suffixes, language in _BY_SUFFIX.items() for suffix in suffixes.split()}
"""The language of each suffix, and of each file name in lower case that says it without one."""

JUST = _JUST
NOTEBOOK = _STARLARK
WORDS_BEFORE_VALUES = frozenset(_SCREEN_WORDS.split())
"""Keywords behind which a quote or a `/` begins a value."""
