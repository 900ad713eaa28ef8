"""Copies between memoryviews of one format and size, without allocation: `a[ALL] = b`.

On a board `a[:]` makes a slice object, on the heap, each time.
"""


class _Subscript:
    def __getitem__(self, key):
        return key


ALL = _Subscript()[:]
