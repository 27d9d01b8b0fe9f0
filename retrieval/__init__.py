"""Catalogue, media, log, vectors and candidates: what is known, and what might suit."""
