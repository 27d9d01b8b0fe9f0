"""Training on the interaction log, and the recipe of the built-in models."""
