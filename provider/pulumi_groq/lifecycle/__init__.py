"""Each resource's check, diff, create, read, update and delete, free of any engine."""
