"""Single images: mistakes, and where networks look."""
