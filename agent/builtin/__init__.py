"""Weights of the built-in vision-language model."""
