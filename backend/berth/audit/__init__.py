"""Verifying and exporting settlements: anybody can hold the index against the chain."""

from berth.audit.records import Report, Verdict, verify

__all__ = ["Report", "Verdict", "verify"]
