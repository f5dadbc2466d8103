"""A lock in software: a program of its own with a key of its own.

Everything is real but the motor, the vehicle sensor, the plate in front of the camera and, on a
local chain, the clock.
"""
