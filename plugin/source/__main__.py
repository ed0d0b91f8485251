"""The groq plugin as Pulumi's Python language host starts it."""

from pulumi_groq.plugin.server import main

if __name__ == "__main__":
    main()
