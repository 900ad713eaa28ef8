"""The firmware of a femtojack gateway."""
