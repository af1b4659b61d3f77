"""The saga engine: pure decisions about one plan's steps, forward and back.

It knows nothing of Temporal. Events go in; effects and sentences come out. The workflow performs
the effects for real, the simulator in the tests performs them in a made-up world.
"""
