"""What do Compose and the image make of the files? Values with the chain of places that gave them."""
