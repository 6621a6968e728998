"""The benchmarks (`make bench`): each figure is a ratio to a baseline that was measured in the same run.

Nothing here is a limit in seconds: machines differ, ratios hardly do. A goal that is not reached stays visible.
"""
