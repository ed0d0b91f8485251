"""The Pulumi dynamic resources: thin adapters over lifecycle."""
