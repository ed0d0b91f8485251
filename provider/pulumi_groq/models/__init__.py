"""What the admin API sends and receives, as pydantic models; imports nothing of this package."""
