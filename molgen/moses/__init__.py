"""The figures of MOSES (Polykovskiy et al. 2020, arXiv:1811.12823), by the definitions of its code, release 0.3.1."""
