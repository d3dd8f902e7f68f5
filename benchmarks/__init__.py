"""What the hot paths cost, as ratios between arms of the same run: `python -m benchmarks [names]`."""
