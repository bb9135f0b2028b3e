"""The charts of reports, one specification each for the page and for the picture beside README.md."""
