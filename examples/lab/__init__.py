"""The parts of `dropout_lab.py`: what is compared, on which net and data, and how a comparison is run and shown."""
