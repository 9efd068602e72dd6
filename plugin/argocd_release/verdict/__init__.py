"""Decide from the observed states of an application if its release is delivered, failed or pending.

The modules of this package do no I/O and read no clock: the times of the observations are arguments.
"""
