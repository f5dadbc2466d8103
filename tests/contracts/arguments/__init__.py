"""Bad input: every verb of the market, every argument, at and beyond its bounds."""
