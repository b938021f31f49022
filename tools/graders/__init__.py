"""Hold the graders: what a good response is, and the ways to measure it.

`config` says what a grader is, `scoring` opens one, `trial` tries one. A further grader type is a config
class in `config`, a file of its own that opens it, and one line in `scoring`.
"""
