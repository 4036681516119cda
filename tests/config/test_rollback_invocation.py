"""The way back is an invocation like any other: the base is replaced there, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_newscreator.contract.model import Contract, Invocation, Model, Service, Setting, Variant
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CONTRACT = "newscreator.yaml"
HERE = Place(CONTRACT, 1, 1)
NEW, OLD = "gemma3:4b-it-qat", "gemma3:4b"
SWITCH = "OLLAMA_BASE_MODEL"
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8)


def contract(setting: Setting, **bases: str) -> tuple[Contract, Invocation]:
    """Return a contract of one model with one variant, and an invocation that replaces bases."""
    news = Model("news", NEW, HERE, HERE, switch=SWITCH, variants={"news-16k": Variant("news-16k", HERE)})
    chat = Model("chat", "llama3.2:3b", HERE, HERE)
    service = Service("app", "http", HERE, settings={setting.name: setting})
    root = Path()
    made = Contract(root, root / CONTRACT, {"news": news, "chat": chat}, {"app": service})
    return made, Invocation("rollback", HERE, base=bases)


def allowed(setting: Setting, **bases: str) -> tuple[str, ...]:
    """Return what a setting may be under an invocation that replaces bases."""
    made, invocation = contract(setting, **bases)
    return made.allowed(setting, invocation)


def test_the_rollback_invocation_resolves_to_the_old_base(stack: Stack) -> None:
    """The switch of the shell reaches the backend, and the contract wants it there."""
    repository = stack.repository()
    given_ = repository.given(repository.resolved["rollback"], repository.contract.services["backend"])
    assert given_
    assert given_.environment[SWITCH].text == OLD


def test_its_chain_leads_to_the_contract(stack: Stack) -> None:
    """The value comes from the environment that the invocation declares, so that line is its origin."""
    repository = stack.repository()
    given_ = repository.given(repository.resolved["rollback"], repository.contract.services["backend"])
    assert given_
    assert given_.environment[SWITCH].origin == repository.contract.invocations["rollback"].place


def test_the_other_invocations_keep_the_new_base(stack: Stack) -> None:
    """What one way of starting declares stays there."""
    repository = stack.repository()
    backend = repository.contract.services["backend"]
    resolved = {name: repository.given(project, backend) for name, project in repository.resolved.items()}
    found = {name: value.environment[SWITCH].text for name, value in resolved.items() if value}
    assert found == {"default": NEW, "cpu": NEW, "rollback": OLD}


def test_a_switch_that_switches_nothing_is_found(stack: Stack) -> None:
    """A literal in Compose is right by default, and keeps the new base under the rollback."""
    stack.edit(AI, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", NEW)
    (broken,) = stack.broken()
    assert broken.item == "resolved[rollback backend OLLAMA_BASE_MODEL]"
    place = stack.behind(AI, "OLLAMA_BASE_MODEL: ")
    said = f"backend is given {SWITCH}={NEW}, the contract says {OLD} (invocation rollback)"
    assert broken.headline == f"{place}: {said}"


def test_a_switch_under_another_name_is_found(stack: Stack) -> None:
    """The shell's variable reaches nothing where Compose reads another."""
    stack.edit(AI, "${OLLAMA_BASE_MODEL:-", "${BASE_MODEL:-")
    assert [judgement.item for judgement in stack.broken()] == ["resolved[rollback backend OLLAMA_BASE_MODEL]"]


def test_a_rollback_that_is_not_declared_as_one_is_found(stack: Stack) -> None:
    """Without `base:` an invocation is held to the decided base."""
    stack.edit(CONTRACT, ", base: {news: gemma3:4b}}", "}")
    (broken,) = stack.broken()
    assert broken.item == "resolved[rollback backend OLLAMA_BASE_MODEL]"
    assert broken.finding
    assert broken.finding.expected == NEW


def test_the_default_of_the_switch_stays_the_new_base(stack: Stack) -> None:
    """A rollback that is declared makes no default of the old base right."""
    stack.edit(AI, "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}")
    assert [judgement.item for judgement in stack.broken()] == [f"default[{AI} OLLAMA_BASE_MODEL]"]


def test_the_switch_must_carry_the_replaced_base() -> None:
    """It is what the rollback is done by."""
    assert allowed(Setting(SWITCH, HERE, allowed=(NEW,)), news=OLD) == (OLD,)


def test_another_setting_may_carry_either_base() -> None:
    """Requests name only the variants, so what is merely logged may stay."""
    assert allowed(Setting("LLM_MODEL", HERE, allowed=(NEW,)), news=OLD) == (NEW, OLD)


def test_a_setting_of_a_model_may_name_its_base_and_variants() -> None:
    """`{model: news}` follows the base of the invocation."""
    assert allowed(Setting("LLM_MODEL", HERE, model="news"), news=OLD) == (OLD, "news-16k")


def test_the_base_of_another_model_is_not_touched() -> None:
    """Only the model that `base:` names rolls back."""
    assert allowed(Setting("CHAT", HERE, allowed=("llama3.2:3b",)), news=OLD) == ("llama3.2:3b",)


def test_without_an_invocation_the_contract_holds_as_written() -> None:
    """Defaults are judged so."""
    setting = Setting(SWITCH, HERE, allowed=(NEW,))
    made, _ = contract(setting, news=OLD)
    assert made.allowed(setting) == (NEW,)


def test_a_base_is_replaced_in_its_invocation_alone() -> None:
    """`base_in` is the one rule behind it."""
    made, rollback = contract(Setting("A", HERE, allowed=("b",)), news=OLD)
    found = [made.base_in(made.models["news"], each) for each in (None, Invocation("default", HERE), rollback)]
    assert found == [NEW, NEW, OLD]


@given(texts=st.lists(names, min_size=1, max_size=4, unique=True), old=names)
def test_a_value_that_names_no_base_is_the_same_everywhere(texts: list[str], old: str) -> None:
    """Numbers and variants do not change with the base."""
    assert allowed(Setting("LLM_NUM_CTX", HERE, allowed=tuple(texts)), news=old) == tuple(texts)


@given(texts=st.lists(names | st.just(NEW), min_size=1, max_size=4, unique=True))
def test_a_base_replaced_by_itself_changes_no_value(texts: list[str]) -> None:
    """An invocation that names the decided base again allows what the contract allows."""
    setting = Setting("LLM_MODEL", HERE, allowed=tuple(texts))
    assert set(allowed(setting, news=NEW)) == set(texts)


@pytest.mark.parametrize("name", ["rollback", "default"])
def test_each_invocation_is_judged_by_itself(stack: Stack, name: str) -> None:
    """Selecting one invocation's items judges that way of starting alone."""
    judged = stack.judge(only=lambda item: item.startswith(f"resolved[{name} "))
    assert {judgement.status for judgement in judged} == {"passed"}
    assert len(judged) == sum(len(s.settings) for s in stack.repository().contract.services.values())
