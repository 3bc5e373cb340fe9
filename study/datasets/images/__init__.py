"""From files to pixels: layouts, checks, the shared pixel cache, splits."""
