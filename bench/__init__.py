"""The yardsticks: each figure is a ratio against something real in the same run. See docs/performance.md."""
