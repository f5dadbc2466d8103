"""The town before the page: a running platform with free spaces and a ledger."""

from __future__ import annotations

from dataclasses import dataclass

from berth.cli.demo.owners import Listing
from berth.core.deployment import Deployment, load_deployment

from tests.e2e.installation import Up


@dataclass(frozen=True)
class Town:
    """A running platform with free spaces, and one settlement in its ledger."""

    up: Up
    #: Olga's space, and her neighbours'.
    listings: tuple[Listing, ...] = ()

    @property
    def url(self) -> str:
        return self.up.running.http

    @property
    def deployment(self) -> Deployment:
        return load_deployment(self.up.installation.home / "deployment.json")
