"""Pure decisions: may this request pass, and what does it cost."""
