"""The names of a study's splits, as tables, predictions' files and the log hold them."""

TRAIN, VAL, TEST = SPLITS = ("train", "val", "test")
LEFT_OUT = "left_out"
