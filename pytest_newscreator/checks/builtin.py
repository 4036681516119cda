"""The checks that ship, in the order of their levels."""

from __future__ import annotations

from pytest_newscreator.checks import agreement, deployed, resolved, served, source
from pytest_newscreator.checks.registry import Check

CHECKS = (
    Check("default", "source", "config", source.default, source.default_subjects),
    Check("modelfile", "source", "config", source.modelfile, source.modelfile_subjects),
    Check("context-agreement", "source", "config", agreement.context_agreement, agreement.agreement_subjects),
    Check("resolved", "resolved", "config", resolved.resolved, resolved.resolved_subjects),
    Check("healthy", "deployed", "infra", deployed.healthy, deployed.service_subjects),
    Check("environment", "deployed", "infra", deployed.environment, deployed.environment_subjects),
    Check("models", "served", "infra", served.models, served.model_subjects),
    Check("loaded", "served", "infra", served.loaded, served.loaded_subjects),
    Check("generates", "served", "infra", served.generates, served.variant_subjects),
)
