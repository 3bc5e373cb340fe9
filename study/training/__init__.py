"""One training run in plain PyTorch: recipe, augmentation, losses, loop. Runs without Ray."""
