"""Studies, one file each, found by file name: `search_spaces/<name>.py` defines `STUDY`."""
