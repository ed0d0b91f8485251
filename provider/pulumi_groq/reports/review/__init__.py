"""The review of a preview: its steps as changes, the rules that look at them, and its formats."""
