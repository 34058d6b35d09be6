"""The one process per host that watches its runs: adopts, renews, stops, ends them. DESIGN 5, spec/6 rows 1 to 7.

`loop` never waits for anything but events. `desk` is the one thread that talks to the database, `announcer` the one
that talks to Redis: when either hangs, timers still fire and children are still stopped in time (spec/6 law 3).
"""
