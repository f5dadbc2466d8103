"""Berth: private parking sharing by smart contracts."""
