"""What the contract declares and no check holds yet: listed, so that nobody takes silence for a pass."""

from __future__ import annotations

from pytest_newscreator.contract.model import Contract


def unchecked(contract: Contract) -> tuple[str, ...]:
    """Return the declared parts that this version does not verify, in the contract's own words."""
    found: list[str] = []
    served = {key for key, service in contract.services.items() if service.kind == "ollama"}
    for model in contract.models.values():
        declared = {"rollback, performed": model.rollback, "digest": model.digest, "template": model.template}
        if model.service not in served:  # the checks of the level `served` ask an Ollama
            found += [f"models.{model.key}.{key}" for key, value in declared.items() if value]
    found += [
        f"services.{service.key} (kind openai)" for service in contract.services.values() if service.kind == "openai"
    ]
    for gpu in contract.gpus.values():
        if any(service.gpu == gpu.key and service.kind == "ollama" for service in contract.services.values()):
            declared_of_card = {"vram_budget, measured": gpu.vram_budget_mib, "temperature_max": gpu.temperature_max_c}
            found += [f"gpus.{gpu.key}.{key}" for key, value in declared_of_card.items() if value is not None]
        else:
            found.append(f"gpus.{gpu.key}")
    if contract.latency is not None and contract.latency.cases:
        found.append("latency")
    return tuple(found)
