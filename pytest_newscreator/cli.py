"""The command `newscreator`."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pytest_newscreator import CONTRACT_NAME
from pytest_newscreator.errors import NewscreatorError

if TYPE_CHECKING:
    import pytest

    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.sources.sites import Reader

try:
    import typer
except ImportError:
    typer = None  # type: ignore[assignment]

if typer is not None:
    app = typer.Typer(
        name="newscreator", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
    )

    @app.callback()
    def _root() -> None:
        """Conformance of a self-hosted LLM stack, outside pytest."""

    @app.command()
    def standin(
        folder: Annotated[Path, typer.Argument(help="where the GGUFs go")],
        name: Annotated[list[str], typer.Option(help="the model each file stands in for (repeatable)")],
        *,
        shape: Annotated[str, typer.Option(help="tiny (1 MB, loads in 0.4 s) or gemma3-4b (its true shapes)")] = "tiny",
        as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    ) -> None:
        """Write GGUFs of random weights, one a name, stamped so that verdicts can say *stand-in*."""
        written = {one: str(_write(folder, one, shape)) for one in name}
        if as_json:
            typer.echo(json.dumps(written, indent=2))
            return
        for one, path in written.items():
            typer.echo(f"{one}={path}")

    @app.command()
    def trace(
        setting: Annotated[str | None, typer.Argument(help="the variable to follow")] = None,
        *,
        every: Annotated[bool, typer.Option("--all", help="the table of the whole stack instead")] = False,
        contract: Annotated[Path, typer.Option(help="the contract's file, or a folder below it")] = Path(),
        as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    ) -> None:
        """Show every place that gives a setting a value, and who wins under each invocation.

        Exit code 1: no invocation resolves, so only the places are known. 2: there is nothing to show.
        """
        from pytest_newscreator.report import trace as traces
        from pytest_newscreator.report import trace_text as text

        if every == (setting is not None):
            raise NewscreatorError("trace takes one setting, or --all", fix="newscreator trace OLLAMA_BASE_MODEL")
        repository = _repository(contract)
        found = traces.table(repository) if setting is None else (traces.trace(repository, setting),)
        refused = traces.unresolved(repository)
        if as_json:
            typer.echo(text.as_json(found, refused))
        elif setting is None:
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            typer.echo(text.render_table(found, refused, width))
        else:
            typer.echo(text.render(found[0], refused))
        if refused and not repository.resolved:
            raise typer.Exit(1)

    @app.command()
    def forecast(
        model: Annotated[str | None, typer.Argument(help="a model's key or base in the contract, or a name")] = None,
        *,
        gguf: Annotated[Path | None, typer.Option(help="the shapes of this file")] = None,
        url: Annotated[str | None, typer.Option(help="the shapes that this Ollama tells of the model")] = None,
        contract: Annotated[Path, typer.Option(help="the contract's file, or a folder below it")] = Path(),
        as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    ) -> None:
        """Show the VRAM that the contract's models would take: num_ctx x parallel x KV type, and what fits the card.

        Exit code 2: the shapes of a model are not known, or are no gemma3's.
        """
        from pytest_newscreator.contract.load import load
        from pytest_newscreator.report import forecast as report

        tables = report.tables(load(_contract_file(contract)), model, gguf, url)
        typer.echo(report.as_json(tables) if as_json else report.render(tables))

    @app.command()
    def doctor(
        *,
        clean: Annotated[bool, typer.Option("--clean", help="remove what earlier runs left behind")] = False,
        kept: Annotated[bool, typer.Option("--kept", help="with --clean: kept stacks too")] = False,
        unseen: Annotated[
            bool, typer.Option("--unseen", help="with --clean: also what has its lease elsewhere")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    ) -> None:
        """Show what this machine can verify, and what earlier runs left on it."""
        from pytest_newscreator.report import doctor as report

        if (kept or unseen) and not clean:
            raise NewscreatorError("--kept and --unseen belong to --clean", fix="newscreator doctor --clean --kept")
        health = report.examine(clean=clean, kept=kept, unseen=unseen)
        typer.echo(report.as_json(health) if as_json else report.render(health))
        if not health.is_clean:
            raise typer.Exit(1)


def _repository(named: Path) -> Repository:
    """Return the repository of a contract: the file named, or the one in a folder or nearest above it."""
    from pytest_newscreator.contract.load import load
    from pytest_newscreator.resolve.repository import Repository

    read = load(_contract_file(named))
    return Repository(read, _readers(read.root))


def _contract_file(named: Path) -> Path:
    """Return a contract's file: the one named, or the one in a folder or nearest above it."""
    folders = [] if named.is_file() else [named.absolute(), *named.absolute().parents]
    path = next((folder / CONTRACT_NAME for folder in folders if (folder / CONTRACT_NAME).is_file()), named)
    if not path.is_file():
        raise NewscreatorError(
            f"there is no {CONTRACT_NAME} in {named.absolute()} nor above", fix="name it: --contract"
        )
    return path


def _readers(root: Path) -> tuple[Reader, ...]:
    """Return our readers and those that packages and `conftest.py` files bring, as `pytest` in this folder loads them.

    Raises NewscreatorError with pytest's own words where it does not start there.
    """
    import pytest

    asking, said = _Asking(), io.StringIO()
    with contextlib.chdir(root), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        # Nothing is asserted here, and what is imported by now cannot be rewritten, which pytest would warn of.
        pytest.main(["-p", "newscreator", "--assert", "plain"], plugins=[asking])
    if asking.readers is None:
        raise NewscreatorError(f"pytest does not start in {root}\n{said.getvalue().strip()}", fix="mend what it names")
    return asking.readers


class _Asking:
    """A plugin that asks pytest's hooks for their readers instead of running anything."""

    readers: tuple[Reader, ...] | None = None

    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        """Ask, and end: the plugins are loaded by now, and nothing is collected."""
        from pytest_newscreator import session

        self.readers = session.readers(config)
        return 0


def _write(folder: Path, name: str, shape: str) -> Path:
    """Write one stand-in; its seed follows from the name, so that two bases differ in digest."""
    from pytest_newscreator.sources.ollama import names
    from pytest_newscreator.standin import shapes, tiny
    from pytest_newscreator.standin.container import seed_of

    if not names.parse(name).is_valid:
        raise NewscreatorError(f"--name {name!r} is no model name that Ollama would take", fix="write NAME:TAG")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NewscreatorError(f"{folder} is no folder to write to ({error.strerror})", fix="name another") from None
    path = folder / f"{name.replace('/', '_').replace(':', '_')}.gguf"
    if shape == "tiny":
        tiny.write_for(path, name)
    elif shape in shapes.SHAPES:
        shapes.write_shapes(path, model=shape, seed=seed_of(name))
    else:
        raise NewscreatorError(f"--shape {shape} is none of tiny, {', '.join(shapes.SHAPES)}", fix="choose one of them")
    path.chmod(0o644)
    return path


def main() -> None:
    """Run the command; an error of ours is one message and exit code 2, never a traceback."""
    if typer is None:
        sys.exit("newscreator: typer is not installed\n  do: pip install 'pytest-newscreator[cli]'")
    try:
        app()
    except NewscreatorError as error:
        sys.stderr.write(f"newscreator: {error}\n")
        sys.exit(2)
