"""The models that can be run, and what each wants of its input and means by its output."""
