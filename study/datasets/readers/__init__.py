"""Image readers: from the bytes of a file to pixels."""
