"""Pretrained weights of others → an Infini-attention model.

    a donor's folder ─▶ its family: where each of our tensors comes from ─▶ tensors, one at a time

`families.py` knows the families; each is one file with its table of names. `donor.py` reads
checkpoints, `tokens.py` vocabularies, `writing.py` writes, `conversion.py` is the whole path.
"""
