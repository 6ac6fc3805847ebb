"""Results as ranked tables, and tables as text: Markdown, LaTeX, CSV, screen."""
