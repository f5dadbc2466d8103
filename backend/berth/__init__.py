"""Berth: private parking spaces, shared by smart contract."""

__version__ = "0.1.0"
