"""Speed, memory and start-up of minigrad beside other libraries, in one run: `python -m benchmarks --help`."""
