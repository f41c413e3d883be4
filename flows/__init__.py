"""Prefect, and only here: thin flows over molgen's functions.

molgen owns identity, parallelism and resume (the store of units); Prefect owns schedule, visibility, retry and cancel.
A flow and the plain command write the same bytes. The flows run without a server that somebody started, and against
one: see prefect.toml and prefect.yaml in the root of the checkout.
"""
