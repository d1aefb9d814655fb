# The only place that has it: a clone, the wheel and the image all contain this file.
__version__ = "1.0.0"
