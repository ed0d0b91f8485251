"""HTTP of the admin plane: paths, parameters and statuses, nothing else."""
