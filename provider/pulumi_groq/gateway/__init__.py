"""The server: admin plane, inference plane, metering and alerts."""
