"""Images of one's own: found in a folder or a table, looked at, and read as any other dataset."""
