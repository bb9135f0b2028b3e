"""The network: cells, the engines that run them over time, layers and what is around them."""
