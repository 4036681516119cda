"""The checks that ship; the order is the precedence: where two speak of one place, the earlier one says it."""

from __future__ import annotations

from pytest_newscreator.checks import waivers
from pytest_newscreator.checks.deployed import environment, healthy
from pytest_newscreator.checks.hygiene import (
    exposure,
    health,
    images,
    origins,
    privilege,
    reservation,
    secrets,
    versions,
)
from pytest_newscreator.checks.registry import Check
from pytest_newscreator.checks.resolved import endpoint, fit
from pytest_newscreator.checks.resolved import values as resolved
from pytest_newscreator.checks.served import generates, loaded, models
from pytest_newscreator.checks.source import (
    agreement,
    card,
    defaults,
    files,
    knobs,
    modelfiles,
    mounts,
    rollback,
    startup,
    variants,
)

CHECKS: tuple[Check, ...] = (
    modelfiles.MODELFILE,
    startup.SHADOWED,
    knobs.MISREAD,
    knobs.DEAD_SETTING,
    defaults.DEFAULT,
    variants.VARIANT_CHAIN,
    resolved.RESOLVED,
    rollback.ROLLBACK_CHAIN,
    files.BUILD,
    mounts.MOUNT,
    agreement.CONTEXT_AGREEMENT,
    endpoint.ENDPOINT,
    fit.FIT,
    card.GPU_ENVIRONMENT,
    exposure.EXPOSED_PORT,
    origins.ORIGINS,
    versions.OLLAMA_VERSION,
    images.FLOATING_TAG,
    images.IMAGE_SKEW,
    secrets.SECRET_IN_ENV,
    health.HEALTHCHECK,
    reservation.GPU_RESERVATION,
    reservation.LIMITS,
    privilege.PRIVILEGE,
    waivers.WAIVER,
    healthy.HEALTHY,
    environment.ENVIRONMENT,
    models.MODELS,
    loaded.LOADED,
    generates.GENERATES,
)
