"""Set-based paths: the raw SQL of the addon, one file per path, each with the reason it is not the ORM.

Every function takes the environment, flushes what it reads and invalidates what it wrote.
"""
