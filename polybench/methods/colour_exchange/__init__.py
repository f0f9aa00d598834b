"""Colour exchange: training images get the colour statistics of other training images."""

from polybench.methods.colour_exchange.task import ColourExchangeTask

__all__ = ["ColourExchangeTask"]
