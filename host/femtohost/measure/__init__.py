"""Measuring echo cancellers: the signals and meters of G.168, and figures drawn from them."""
