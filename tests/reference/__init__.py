"""The model's equations in float64, one token and one segment at a time.

Slow and obviously right: no batches, no padding, no blocks, nothing shared with the package. One
example at a time is read, as a list of segments of the tokens that are really there.
"""
