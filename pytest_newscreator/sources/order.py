"""The order in which a reader reports what it found."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_newscreator.sources.sites import Site


def in_order(sites: Iterable[Site]) -> tuple[Site, ...]:
    """Return sites in the order of the file, each once; a literal yields to whatever else its place is."""
    sites = tuple(dict.fromkeys(sites))
    taken = {site.place for site in sites if site.kind != "literal"}
    kept = (site for site in sites if site.kind != "literal" or site.place not in taken)
    return tuple(sorted(kept, key=lambda site: site.place))
