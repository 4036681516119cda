"""The checks that ship; the order is the precedence: where two speak of one place, the earlier one says it."""

from __future__ import annotations

from pytest_newscreator.checks import agreement, defaults, deployed, modelfiles, resolved, served, waivers
from pytest_newscreator.checks.registry import Check

CHECKS: tuple[Check, ...] = (
    modelfiles.MODELFILE,
    defaults.DEFAULT,
    resolved.RESOLVED,
    agreement.CONTEXT_AGREEMENT,
    waivers.WAIVER,
    deployed.HEALTHY,
    deployed.ENVIRONMENT,
    served.MODELS,
    served.LOADED,
    served.GENERATES,
)
