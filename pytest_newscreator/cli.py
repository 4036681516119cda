"""The command `newscreator`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from pytest_newscreator.errors import NewscreatorError

try:
    import typer
except ImportError:
    typer = None  # type: ignore[assignment]

if typer is not None:
    app = typer.Typer(name="newscreator", no_args_is_help=True, add_completion=False, help=__doc__)

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


def _write(folder: Path, name: str, shape: str) -> Path:
    """Write one stand-in; its seed follows from the name, so that two bases differ in digest."""
    from pytest_newscreator.sources import names
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
