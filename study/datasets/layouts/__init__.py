"""Layouts of folders and tables: which files are images, and of which class, side and group each is."""
