"""What is declared against what the gateway has: comparison, trial calls, and the formats."""
