"""The policy pack: the rules of `GROQ_POLICY_FILE`, or of the policy.yaml in the folder above."""

import os
from pathlib import Path

from pulumi_groq.guardrails.pack import serve

serve(Path(os.environ.get("GROQ_POLICY_FILE") or Path(__file__).resolve().parents[1] / "policy.yaml"))
