"""The manual pages, made from the tables that drive the programs: `make man` writes them into man/.

What stands in no table - how to move from the old program to this one and back, the limits - stands in these modules.
"""
