"""Kill tests: the roles as real processes, ended outright at random moments while drivers park."""
