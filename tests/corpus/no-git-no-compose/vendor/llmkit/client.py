class Client:
    def __init__(self, model: str = "gemma3:4b") -> None:
        self.model = model
