"""Search, early stopping, one trial, the experiment. The only package that imports Ray."""
