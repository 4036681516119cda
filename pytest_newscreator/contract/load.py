"""Read `newscreator.yaml`: bytes to a contract, or every reason why it is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_newscreator.contract import build, impossible, nodes, references
from pytest_newscreator.contract.checked import Section
from pytest_newscreator.contract.document import Document
from pytest_newscreator.contract.faults import ContractErrors
from pytest_newscreator.contract.schema import CONTRACT, VERSION
from pytest_newscreator.contract.validate import Spot, Validator
from pytest_newscreator.errors import ContractError
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_newscreator.contract.model import Contract

MOST_BYTES: Final = 256 * 1024
_START: Final = "begin with 'version: 1' and 'model: {base: gemma3:4b-it-qat}'; README shows a first one"


def load(path: Path) -> Contract:
    """Read the contract at `path`; raises `ContractErrors` with every fault of the file."""
    return loads(_read(path), path)


def loads(text: str, path: Path) -> Contract:
    """Read the contract from `text`, as if it stood at `path`; raises `ContractErrors` with every fault."""
    parsed = nodes.parse(text.removeprefix("\ufeff"), path.name)
    start = Place(path.name, 1, 1)
    if parsed.document is None:
        raise ContractErrors([ContractError("the contract is empty, should be a mapping", place=start, fix=_START)])
    if not isinstance(parsed.document, nodes.Table):
        what = "a list" if isinstance(parsed.document, nodes.Items) else "a single value"
        message = f"the contract is {what}, should be a mapping"
        raise ContractErrors([ContractError(message, place=parsed.document.place, fix=_START)])
    _refuse_other_versions(parsed.document)
    validator = Validator(CONTRACT, list(parsed.faults))
    root = validator.check(parsed.document, CONTRACT, Spot("", "", start))
    document = Document(root if isinstance(root, Section) else Section("", start))
    faults = validator.faults + [each for rule in references.RULES + impossible.RULES for each in rule(document)]
    if faults:
        raise ContractErrors(faults)
    return build.contract(document, path.absolute())


def _refuse_other_versions(document: nodes.Table) -> None:
    """Stop at a version of the future: what its keys mean cannot be known here."""
    for entry in document.entries:
        if entry.name == "version" and isinstance(entry.value, nodes.Scalar) and entry.value.text.isdecimal():
            if int(entry.value.text[:9]) == VERSION:
                return
            message = f"version is {entry.value.text}, should be {VERSION}, the only one this release reads"
            fix = f"write 'version: {VERSION}', or install a release of pytest-newscreator that reads it"
            raise ContractErrors([ContractError(message, place=entry.value.place, fix=fix)])


def _read(path: Path) -> str:
    place = Place(path.name)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        fix = "write one at the root of the repository; README shows a first one"
        raise ContractErrors(
            [ContractError("there is no such file, should be the contract", place=place, fix=fix)]
        ) from None
    except OSError as error:
        message = f"the contract cannot be read: {error.strerror}, should be a readable file"
        raise ContractErrors([ContractError(message, place=place, fix="mend its permissions or its path")]) from None
    if len(data) > MOST_BYTES:
        message = f"the contract is larger than {MOST_BYTES // 1024} KiB, should be a few pages"
        raise ContractErrors([ContractError(message, place=place, fix="name the file that is the contract")])
    return _decode(data, path.name)


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace").splitlines() or [""]
        place = Place(name, len(before), len(before[-1]) + 1)
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8, should be UTF-8 text"
        raise ContractErrors([ContractError(message, place=place, fix="save the file as UTF-8")]) from None
