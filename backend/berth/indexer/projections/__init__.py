"""What each event changes in the derived tables; one file for each area of the contracts."""
