"""The layers and directions of a network, as rows name them: ``layer1_forward``, counted from 1."""

DIRECTIONS = ("forward", "backward")


def in_words(layer_direction: str) -> str:
    """Return ``layer1_forward`` as people and the column ``headline`` write it: "layer 1, forward"."""
    return layer_direction.replace("layer", "layer ").replace("_", ", ")
