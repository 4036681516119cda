"""Level `source`: what the files say."""
