"""`python -m daemon.sample DIR`: write the sample library to DIR, which must not exist."""

import sys
from pathlib import Path

from daemon.sample.write import write_sample

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m daemon.sample DIR")
    count = write_sample(Path(sys.argv[1]))
    sys.stderr.write(f"{count} files in {sys.argv[1]}\n")
