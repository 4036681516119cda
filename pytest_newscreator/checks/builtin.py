"""The checks that ship; the order is the precedence: where two speak of one place, the earlier one says it."""

from __future__ import annotations

from pytest_newscreator.checks import (
    agreement,
    defaults,
    deployed,
    exposure,
    files,
    health,
    images,
    modelfiles,
    mounts,
    privilege,
    reservation,
    resolved,
    rollback,
    secrets,
    served,
    startup,
    variants,
    waivers,
)
from pytest_newscreator.checks.registry import Check

CHECKS: tuple[Check, ...] = (
    modelfiles.MODELFILE,
    startup.SHADOWED,
    defaults.DEFAULT,
    variants.VARIANT_CHAIN,
    resolved.RESOLVED,
    rollback.ROLLBACK_CHAIN,
    files.BUILD,
    mounts.MOUNT,
    agreement.CONTEXT_AGREEMENT,
    exposure.EXPOSED_PORT,
    images.FLOATING_TAG,
    images.IMAGE_SKEW,
    secrets.SECRET_IN_ENV,
    health.HEALTHCHECK,
    reservation.GPU_RESERVATION,
    reservation.LIMITS,
    privilege.PRIVILEGE,
    waivers.WAIVER,
    deployed.HEALTHY,
    deployed.ENVIRONMENT,
    served.MODELS,
    served.LOADED,
    served.GENERATES,
)
