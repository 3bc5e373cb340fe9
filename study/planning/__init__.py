"""From a declaration, images and a budget to a plan that can be run; dry runs, resuming, resources. Without Ray."""
