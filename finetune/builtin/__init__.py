"""The recipe of the shop and of the built-in models."""
