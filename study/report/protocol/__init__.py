"""How it was done, for reviewers and for whoever uses the weights."""
