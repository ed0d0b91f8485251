"""Reports: data in, table, JSON, Markdown or HTML out."""
