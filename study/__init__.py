"""Whole hyperparameter studies of medical image classifiers, from one command to a report."""
