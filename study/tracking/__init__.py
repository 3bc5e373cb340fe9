"""Shows a study elsewhere as it runs: console, TensorBoard, MLflow, Optuna's journal. None has duties."""
