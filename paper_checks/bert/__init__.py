"""Alignment of task embeddings on BERT and GLUE at full scale (W-F5a).

Apart from the rest of the room: it needs the extra `bert`, and trains in 32-bit or
bfloat16 whatever jax's default is.
"""
