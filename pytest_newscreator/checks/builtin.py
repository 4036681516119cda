"""The checks that ship; the order is the precedence: where two speak of one place, the earlier one says it."""

from __future__ import annotations

from pytest_newscreator.checks import waivers
from pytest_newscreator.checks.deployed import (
    effective,
    environment,
    foreign_host,
    foreign_origin,
    healthy,
    listening,
    origin,
    stable,
)
from pytest_newscreator.checks.deployed import files as carried
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
from pytest_newscreator.checks.measured import record
from pytest_newscreator.checks.registry import Check
from pytest_newscreator.checks.resolved import endpoint, fit, vram
from pytest_newscreator.checks.resolved import values as resolved
from pytest_newscreator.checks.served import generates, loaded, models, options
from pytest_newscreator.checks.served import health as served_health
from pytest_newscreator.checks.served import rollback as performed
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
    vram.VRAM_FORECAST,
    vram.SERVED_VRAM_FORECAST,
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
    record.RECORD,
    waivers.WAIVER,
    healthy.HEALTHY,
    environment.ENVIRONMENT,
    origin.ORIGIN,
    carried.FILES,
    effective.EFFECTIVE_CONFIG,
    listening.LISTENING,
    foreign_host.FOREIGN_HOST,
    foreign_origin.FOREIGN_ORIGIN,
    stable.STABLE,
    models.MODELS,
    loaded.LOADED,
    generates.GENERATES,
    options.APP_OPTIONS,
    # These change the stack for a while, and stand last: nothing is asked of it afterwards.
    served_health.HEALTH_IS_TRUE,
    performed.ROLLBACK,
)
