"""Models, prices and retirements as dated data."""
