"""The pure core: words, formulas, messages, policies. It performs no I/O beyond key, settings
and deployment files, and imports nothing from the other parts of the package."""
