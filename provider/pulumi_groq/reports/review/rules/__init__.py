"""What a reviewer should look at: one module a subject."""
