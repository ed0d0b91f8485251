"""`python -m pulumi_groq.cli`."""

from pulumi_groq.cli import main

main()
