"""policy.yaml: the organisation's own rules for what is declared, judged without input or output."""
