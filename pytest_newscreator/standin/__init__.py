"""Models of random weights that stand in where no real one can be had, each stamped as what it is."""
