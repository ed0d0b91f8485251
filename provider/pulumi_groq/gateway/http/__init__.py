"""HTTP below both planes: connections, requests, bodies within limits, and one form of refusal."""
