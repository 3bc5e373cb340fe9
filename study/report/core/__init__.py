"""What all sections stand on: a run's records read, scores, wording of verdicts, figures, markdown."""
