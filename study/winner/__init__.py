"""The best network of a finished study, to be asked about images that it has never seen."""

from study.winner.loading import load_winner
from study.winner.winner import Prediction, Winner

__all__ = ["Prediction", "Winner", "load_winner"]
