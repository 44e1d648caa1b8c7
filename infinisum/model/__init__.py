"""The network: an encoder-decoder with Infini-attention. Knows tokens, not books.

Axis names used in every shape comment of this package:
`B` batch · `S` segments of a block · `N` tokens of a segment · `H` heads · `d_k`, `d_v` head sizes
· `D` model width · `K` sentences of a segment · `T` decoder tokens · `X` exact states (window and
reservoir) · `W` window slots · `R` reservoir states · `L` layers.
"""
