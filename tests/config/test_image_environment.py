"""What a Dockerfile leaves in its image is what building it leaves there, and each value knows where it is from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.docker.image import Copy, ImageConfig, copies, image_environment
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, parse
from pytest_newscreator.sources.sites import SourceFile

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth" / "Dockerfile.argenv"
needs_truth = pytest.mark.skipif(
    not TRUTH.exists(), reason="shared/truth/Dockerfile.argenv is not beside this checkout"
)

values = st.from_regex(r"[a-z0-9:./_-]{1,12}", fullmatch=True)


def parsed(text: str) -> Dockerfile:
    """Parse a Dockerfile."""
    return parse(SourceFile("Dockerfile", text))


def image(text: str, target: str | None = None, **build_args: str) -> ImageConfig:
    """Return what a Dockerfile leaves, with build arguments given by name."""
    given_ = {name: Value(name, value) for name, value in build_args.items()}
    return image_environment(parsed(text), target=target, build_args=given_)


def env(text: str, target: str | None = None, **build_args: str) -> dict[str, str | None]:
    """Return the texts of the environment."""
    return {name: value.text for name, value in image(text, target, **build_args).environment.items()}


def at(line: int, column: int) -> Place:
    """Return a place in the Dockerfile."""
    return Place("Dockerfile", line, column)


@needs_truth
@pytest.mark.parametrize(
    ("target", "name", "text"),
    [
        ("b1", "S1_LOCAL", "loc"),
        ("b1", "S1_MODEL3", "argafter"),
        ("b1", "MODEL", "envwins"),
        ("b1", "B", ""),
        ("b1", "XY", "1-"),
        ("final", "LAST", "nots1"),
        ("final", "S0_GLOB", "unset"),
    ],
)
def test_the_recorded_build_is_reproduced(target: str, name: str, text: str) -> None:
    """These values were seen in images that engine 20.10 built."""
    assert env(TRUTH.read_text("utf-8"), target)[name] == text


@needs_truth
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("S0_MODEL", "gemma3:4b-it-qat"),
        ("S0_LOCAL", "loc"),
        ("C", "1"),
        ("D", "x y"),
        ("E", "x y"),
        ("F", "$A"),
        ("G", "1"),
        ("H", "$A"),
        ("LEG", "legacy value with spaces 1"),
        ("DEF", "dflt"),
        ("DEF2", "alt"),
        ("NEST", "1"),
        ("Q", "quoted"),
        ("R", "sq"),
        ("T", "a b"),
        ("MULTI", "a b"),
        ("AFTER", "1"),
    ],
)
def test_the_rest_of_that_file_follows_the_documented_rules(name: str, text: str) -> None:
    """Quotes, escapes, operators, the old form and continuation."""
    assert env(TRUTH.read_text("utf-8"), "b1")[name] == text


@needs_truth
def test_only_env_reaches_the_image() -> None:
    """Arguments do not, and what --from copies brings none."""
    assert not {"LOCAL", "BASE", "GLOB", "S1_LOCAL", "X"} & set(env(TRUTH.read_text("utf-8"), "final"))


@pytest.mark.parametrize(
    ("text", "build_args", "expected"),
    [
        ("FROM x\nARG M=d\nENV M=$M\n", {}, {"M": "d"}),
        ("FROM x\nARG M=d\nENV M=$M\n", {"M": "given"}, {"M": "given"}),
        ("FROM x\nARG M=d\nENV M=${M:-e}\n", {"M": ""}, {"M": "e"}),
        ("ARG M=g\nFROM x\nARG M\nENV E=$M\n", {}, {"E": "g"}),
        ("ARG M=g\nFROM x\nENV E=${M:-no}\n", {}, {"E": "no"}),
        ("ARG M=g\nFROM x\nARG M=s\nENV E=$M\n", {}, {"E": "s"}),
        ("ARG M=g\nFROM x\nARG M=s\nENV E=$M\n", {"M": "given"}, {"E": "given"}),
        ("FROM x\nENV E=$M\n", {"M": "given"}, {"E": ""}),
        ("FROM x\nENV E=${A-d} F=${A:+x}\n", {}, {"E": "d", "F": ""}),
        ("FROM x\nENV A=\nENV E=${A-d} F=${A:-d} G=${A+x} H=${A:+x}\n", {},
         {"A": "", "E": "", "F": "d", "G": "x", "H": ""}),
        ("FROM x\nENV A=a.b.c\nENV B=${A#*.} C=${A##*.} D=${A%.*} E=${A%%.*} F=${A/./-} G=${A//./-}\n", {},
         {"A": "a.b.c", "B": "b.c", "C": "c", "D": "a.b", "E": "a", "F": "a-b.c", "G": "a-b-c"}),
        ("FROM x\nENV A='single $X' B=\"two\\\"\" C=tail$\n", {}, {"A": "single $X", "B": 'two"', "C": "tail$"}),
        ("FROM x\nENV P=/opt/bin:$PATH\n", {},
         {"P": "/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}),
    ],
)  # fmt: skip
def test_the_environment_follows_buildkit(text: str, build_args: dict[str, str], expected: dict[str, str]) -> None:
    """One rule a row."""
    assert env(text, **build_args) == expected


def test_a_stage_inherits_env_and_arguments_of_the_stage_it_is_from() -> None:
    """Stage names are compared in any case."""
    text = "FROM x AS Base\nARG L=loc\nENV A=1\nFROM y AS other\nENV O=1\nFROM base\nENV E=$L-$A-$O\n"
    assert env(text) == {"A": "1", "E": "loc-1-"}


def test_a_stage_cannot_be_built_from_a_later_one() -> None:
    """The name is that of an image then."""
    found = image("FROM b AS a\nFROM x AS b\nENV A=1\n", target="a")
    assert (found.base, dict(found.environment)) == ("b", {})


def test_newer_builders_see_an_argument_of_the_same_line() -> None:
    """The two answers are apart, and the difference is a warning."""
    text = "FROM x\nARG X=1 Y=$X\nENV E=$X-$Y\n"
    old, new = (image_environment(parsed(text), sequential_args=new) for new in (False, True))
    assert (old.environment["E"].text, new.environment["E"].text) == ("1-", "1-1")
    assert [place for place, _ in old.warnings] == [at(2, 11)]


def test_a_value_leads_back_to_the_literal_it_comes_from() -> None:
    """ENV from ARG from the global ARG: the last place is the one to blame."""
    value = image("ARG MODEL=gemma3:4b\nFROM x\nARG MODEL\nENV OLLAMA_BASE_MODEL=${MODEL:-other}\n").environment[
        "OLLAMA_BASE_MODEL"
    ]
    assert value.origin == at(1, 11)
    assert value.chain == (
        Hop("image-env", "OLLAMA_BASE_MODEL", "gemma3:4b", at(4, 23), won=True),
        Hop("interpolation", "MODEL", "gemma3:4b", at(4, 23), won=True),
        Hop("build-arg", "MODEL", "gemma3:4b", at(1, 11), won=True),
        Hop("default", "MODEL", "other", at(4, 32), won=False, why="MODEL is set"),
    )


def test_a_default_that_wins_is_the_origin() -> None:
    """Its own column, not that of the instruction."""
    value = image("FROM x\nENV A=${B:-gemma3:4b}\n").environment["A"]
    assert (value.text, value.origin) == ("gemma3:4b", at(2, 12))


def test_a_build_argument_beats_the_default_and_says_so() -> None:
    """The chain of the argument is kept, and the loser is told."""
    place = Place("compose.yaml", 7, 9)
    given_ = Value("M", "given", (Hop("build-arg", "M", "given", place, won=True),))
    value = image_environment(parsed("FROM x\nARG M=d\nENV E=$M\n"), build_args={"M": given_}).environment["E"]
    assert value.origin == place
    assert [(hop.value, hop.place) for hop in value.chain if not hop.won] == [("d", at(2, 7))]


def test_a_later_env_overrides_an_earlier_one_visibly() -> None:
    """Both are in the chain, and the later is the origin."""
    value = image("FROM x\nENV A=1\nENV A=2\n").environment["A"]
    assert (value.text, value.origin) == ("2", at(3, 7))
    assert [(hop.value, hop.why) for hop in value.chain if not hop.won] == [("1", "a later ENV overrides it")]


def test_the_base_image_brings_its_environment() -> None:
    """It is asked for by the reference, after the arguments are put in."""
    text = "ARG TAG=1\nFROM ollama/ollama:$TAG AS a\nFROM a\nENV L=/x:$LD_LIBRARY_PATH\n"
    known = {"ollama/ollama:1": {"LD_LIBRARY_PATH": "/usr/lib/nv"}}
    found = image_environment(parsed(text), base_env=lambda reference: known.get(reference, {}))
    assert found.base == "ollama/ollama:1"
    assert {name: value.text for name, value in found.environment.items()} == {
        "LD_LIBRARY_PATH": "/usr/lib/nv",
        "L": "/x:/usr/lib/nv",
    }


def test_the_command_line_is_that_of_the_last_stage() -> None:
    """The shell form goes to the shell as it is written."""
    found = image('FROM x\nSHELL ["/bin/bash", "-c"]\nENTRYPOINT ["/e.sh"]\nCMD ollama run $M\n')
    assert (found.entrypoint, found.cmd) == (("/e.sh",), ("/bin/bash", "-c", "ollama run $M"))


def test_an_entrypoint_drops_an_inherited_command() -> None:
    """One of the same stage stays."""
    assert image('FROM x AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["e"]\n').cmd is None
    assert image('FROM x AS a\nCMD ["c"]\nENTRYPOINT ["e"]\n').cmd == ("c",)


def test_user_workdir_ports_and_healthcheck_are_told() -> None:
    """Variables are expanded in them, relative folders are joined."""
    text = (
        "FROM x\nENV PORT=11434\nWORKDIR /srv\nWORKDIR app\nUSER ollama:root\nEXPOSE $PORT 53/udp\n"
        "HEALTHCHECK --interval=5s --retries=3 CMD curl -f localhost || exit 1\n"
    )
    found = image(text)
    assert (found.workdir, found.user, found.exposed) == ("/srv/app", "ollama:root", ("11434/tcp", "53/udp"))
    assert found.healthcheck == ("CMD-SHELL", "curl -f localhost || exit 1")
    assert dict(found.healthcheck_options) == {"interval": "5s", "retries": "3"}


@pytest.mark.parametrize(
    ("text", "test"), [('CMD ["a", "b"]', ("CMD", "a", "b")), ("NONE", ("NONE",)), ("cmd  a b", ("CMD-SHELL", "a b"))]
)
def test_a_healthcheck_reads_like_dockers_own(text: str, test: tuple[str, ...]) -> None:
    """In each of its forms."""
    assert image(f"FROM x\nHEALTHCHECK {text}\n").healthcheck == test


def test_copies_are_listed_with_where_they_go() -> None:
    """Sources have places of their own, and a destination is absolute."""
    text = (
        "FROM x AS s\nARG V=16k\nWORKDIR /srv\nCOPY --chown=1000:1000 Modelfile.$V entry.sh ./\n"
        'ADD ["a b", "/c"]\nCOPY --from=builder /o /p\n'
    )
    assert image(text).copies == (
        Copy("COPY", ("Modelfile.16k", "entry.sh"), (at(4, 24), at(4, 37)), "/srv/", at(4, 1), "s", chown="1000:1000"),
        Copy("ADD", ("a b",), (at(5, 7),), "/c", at(5, 1), "s"),
        Copy("COPY", ("/o",), (at(6, 21),), "/p", at(6, 1), "s", from_stage="builder"),
    )


def test_the_copies_of_every_stage_can_be_asked_for() -> None:
    """Also of those that the image is not made of, each once."""
    text = "FROM x AS a\nCOPY one /\nFROM x AS b\nCOPY two /\nFROM a\nCOPY three /\n"
    assert [copy.sources for copy in image(text).copies] == [("one",), ("three",)]
    assert [copy.sources for copy in copies(parsed(text))] == [("one",), ("two",), ("three",)]


def test_a_here_document_is_no_file_of_the_context() -> None:
    """It stands in the Dockerfile itself."""
    (copy,) = image("FROM x\nCOPY <<EOF a /b/\ntext\nEOF\n").copies
    assert copy.sources == ("a",)


def test_a_missing_target_is_an_error_that_names_the_stages() -> None:
    """The build would fail as well."""
    with pytest.raises(ResolutionError, match="no stage nope") as caught:
        image("FROM x AS a\nFROM y\n", target="nope")
    assert caught.value.fix == "set the target to one of: a, 1"


def test_a_file_without_from_is_an_error() -> None:
    """There is nothing to build."""
    with pytest.raises(ResolutionError, match="has no FROM"):
        image("ARG A=1\n")


def test_a_required_variable_without_a_value_is_a_warning() -> None:
    """The build stops there, and the message says why."""
    (warning,) = image('FROM x\nENV A="${B:?set B}"\n').warnings
    assert warning == (at(2, 8), "B has no value, the build stops here: set B")


def test_words_that_are_no_instruction_change_nothing() -> None:
    """Not even where they are called like something inside."""
    assert env("FROM x\nSTAGE a\nBEGIN b\nENV A=1\n") == {"A": "1"}


@given(value=values, given_=st.none() | values)
def test_a_build_argument_given_always_wins_over_its_default(value: str, given_: str | None) -> None:
    """And an argument that is not given leaves the default, wherever it is redeclared."""
    args = {} if given_ is None else {"M": given_}
    assert env(f"ARG M={value}\nFROM x\nARG M\nENV E=$M\n", **args)["E"] == (given_ or value)


@given(value=values)
def test_the_origin_of_a_literal_is_where_it_stands(value: str) -> None:
    """Through a stage, an argument and an expansion."""
    text = f"FROM x AS a\nARG M={value}\nFROM a\nENV E=${{M}}\n"
    origin = image(text).environment["E"].origin
    assert origin is not None
    assert text.splitlines()[origin.line - 1][origin.column - 1 :] == value
