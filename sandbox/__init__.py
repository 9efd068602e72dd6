"""A real Argo CD on one machine: no root, no containers, ready in seconds.

The README's demo, the test suite and the benchmark all run on it. Only the pods are
pretended, by kwok: everything that decides anything is the real program.
"""
