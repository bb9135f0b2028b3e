"""rnnbench: which recurrent cell still receives a gradient from hundreds of steps ago?"""

__version__ = "0.1.0"
