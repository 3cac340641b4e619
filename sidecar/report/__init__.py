"""A report on batches: one page that needs nothing else, and the same as Markdown and as tables."""
