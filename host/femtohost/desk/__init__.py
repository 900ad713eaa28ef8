"""Boards on the desk: what there is for each, building for it, putting it there, testing and watching it."""
