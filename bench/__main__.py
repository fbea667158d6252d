"""Run the yardsticks: `python -m bench [--only scan,rescan,media,mount,dav,edits,layer,memory,volumes] [--work DIR] [--json FILE]`.

`mount` measures the library that `scan` left in the same work folder; run both, or `--work` the same twice.
Peers from Debian: b3sum, libimage-exiftool-perl, bindfs, rclone, apache2. `mount` needs root (drop_caches).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.edits import measure_edits
from bench.ingest import measure_rescan, measure_scan
from bench.layer import measure_layer
from bench.media import measure_media
from bench.memory import measure_memory
from bench.mounted import measure_mount
from bench.timing import Report
from bench.volumes import measure_volumes
from bench.webdav import measure_webdav


def main() -> None:
    """Measure what was asked for and save all figures beside the work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="photos of the first scan")
    parser.add_argument("--rescan", type=int, default=100_000, help="files of the rescan")
    parser.add_argument(
        "--only",
        default="scan,rescan,media,mount,dav,edits,layer,memory,volumes",
        help="which groups, comma separated",
    )
    parser.add_argument("--corpus", type=Path, help="real files that `media` measures too (copied)")
    parser.add_argument("--assets", type=int, default=1_000_000, help="assets of the large seeded library")
    parser.add_argument("--files", type=int, default=1_000_000, help="files of `volumes`")
    parser.add_argument("--work", type=Path, help="where to work (kept); default: a temporary folder")
    parser.add_argument("--json", type=Path, help="also save the figures there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glassine-bench-") as temporary:
        work = chosen.work or Path(temporary)
        report = Report()
        for group in chosen.only.split(","):
            {
                "scan": lambda: measure_scan(report, work, count=chosen.count),
                "rescan": lambda: measure_rescan(report, work / "rescan", count=chosen.rescan),
                "media": lambda: measure_media(
                    report, work, corpus=chosen.corpus, count=min(chosen.count, 2_000)
                ),
                "mount": lambda: measure_mount(report, work),
                "dav": lambda: measure_webdav(report, work),
                "edits": lambda: measure_edits(report, work),
                "layer": lambda: measure_layer(report, work, count=chosen.assets),
                "volumes": lambda: measure_volumes(report, work / "volumes", count=chosen.files),
                "memory": lambda: measure_memory(report, work, counts=(100_000, chosen.assets)),
            }[group]()
        if chosen.json:
            report.save(chosen.json)


if __name__ == "__main__":
    main()
