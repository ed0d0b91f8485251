"""`python -m pulumi_groq.cli`. The processes that read large bodies load this module, too: they must do
nothing by it.
"""

if __name__ == "__main__":
    from pulumi_groq.cli import main

    main()
