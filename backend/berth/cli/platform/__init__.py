"""Everything of a Berth installation on one machine, put together in one process."""
