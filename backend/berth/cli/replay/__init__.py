"""`berth replay`: recorded real stays, run through the contract on a local chain."""

from berth.cli.replay.command import app

__all__ = ["app"]
