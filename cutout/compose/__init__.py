"""What is put together once the matte is final: backgrounds, crop, size, views of the matte."""
