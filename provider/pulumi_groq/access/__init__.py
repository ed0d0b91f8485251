"""access.yaml: the declaration of teams, keys and spending, read with file and line in every error."""
