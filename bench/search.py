import argparse
from pathlib import Path

import search_table

if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("what")
    p.add_argument("--data", type=Path)
    search_table.train_table(p.parse_args().data)
