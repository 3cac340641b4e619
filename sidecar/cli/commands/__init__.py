"""The commands of `abai`, by what they are about; main.py lists them."""
