"""The admin plane: routes (HTTP) -> handlers (rules) -> store (tables)."""
