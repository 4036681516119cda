"""How much of a card's memory a model takes, before it is loaded: shapes in, bytes and layers out."""
